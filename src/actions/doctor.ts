// Host preflight: what this host lacks to carry the cluster, each point with evidence and a fix.
import {
  HOST_CHECKS,
  type Host,
  type HostCheck,
  type HostResult,
  runHostCheck,
  thisHost,
} from '../checks/host/index.ts';
import type { Context } from '../core/context.ts';
import type { ClusterSpec } from '../spec/types.ts';

/** Everything the preflight found. */
export interface DoctorReport {
  readonly cluster: string;
  /** failed: `quorate up` would fail. warning: it works, with consequences. */
  readonly verdict: 'ok' | 'warning' | 'failed';
  readonly checks: readonly HostResult[];
}

/** What the preflight runs on; tests pass their own. */
export interface DoctorOptions {
  readonly host?: Host;
  readonly checks?: readonly HostCheck[];
}

/** Asks every question about this host, one after the other: the disk is measured while nothing else disturbs it. */
export async function doctor(ctx: Context, spec: ClusterSpec, options: DoctorOptions = {}): Promise<DoctorReport> {
  const question = { host: options.host ?? thisHost(), spec };
  const checks: HostResult[] = [];
  for (const check of options.checks ?? HOST_CHECKS) {
    const start = Date.now();
    ctx.emit('condition.changed', { condition: check.title, state: 'running', elapsedMs: 0 });
    const result = await runHostCheck(ctx, check, question);
    const state = result.state === 'warning' ? 'ok' : result.state;
    ctx.emit('condition.changed', {
      condition: check.title,
      state,
      detail: result.evidence,
      elapsedMs: Date.now() - start,
    });
    checks.push(result);
  }
  return { cluster: spec.name, verdict: verdictOf(checks), checks };
}

function verdictOf(checks: readonly HostResult[]): DoctorReport['verdict'] {
  const has = (state: HostResult['state']) => checks.some((check) => check.state === state);
  if (has('failed')) return 'failed';
  return has('warning') ? 'warning' : 'ok';
}
