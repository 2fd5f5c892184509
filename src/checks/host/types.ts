// Host preflight: named questions about this host, each answered with evidence and, where it is wrong, a command that helps.
import type { Context } from '../../core/context.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import type { Host } from './host.ts';

/** ok: fine. warning: works, with a consequence to know. failed: `quorate up` would fail. skipped: does not apply here. */
export type HostState = 'ok' | 'warning' | 'failed' | 'skipped';

/** The answer of one check. */
export interface HostFinding {
  readonly state: HostState;
  /** What was seen, with its numbers. */
  readonly evidence: string;
  /** A command (or a change to cluster.yaml) that helps; present unless all is well. */
  readonly fix?: string;
}

/** What the checks are about. */
export interface HostQuestion {
  readonly host: Host;
  readonly spec: ClusterSpec;
}

/** One named question about this host. */
export interface HostCheck {
  /** kebab-case, stable: scripts select by it. */
  readonly id: string;
  /** What should be true. */
  readonly title: string;
  /** true: only matters for machines that quorate makes on this host. */
  readonly onlyLocal?: boolean;
  run(ctx: Context, question: HostQuestion): Promise<HostFinding>;
}

/** All is well. */
export function ok(evidence: string): HostFinding {
  return { state: 'ok', evidence };
}

/** It works, with a consequence to know. */
export function warning(evidence: string, fix: string): HostFinding {
  return { state: 'warning', evidence, fix };
}

/** A cluster cannot be built like this. */
export function failed(evidence: string, fix: string): HostFinding {
  return { state: 'failed', evidence, fix };
}

/** It does not apply, or cannot be told. */
export function skipped(evidence: string): HostFinding {
  return { state: 'skipped', evidence };
}

/** True when quorate makes the cluster's machines on this host. */
export function isLocal(spec: ClusterSpec): boolean {
  return spec.machines.some((machine) => machine.driver === 'local');
}
