// A new certificate counts once it is used: ports present it, and programs that read theirs at their start have been started since.
import type { Context } from '../../core/context.ts';
import { waitFor } from '../../core/wait.ts';
import type { Machine } from '../../machines/machine.ts';
import { READ_AT_START, readServing, servingPorts } from '../../observe/served.ts';
import type { ExpectedCertificate } from '../../pki/expected.ts';
import { servedPort } from '../../pki/served.ts';
import type { ClusterSpec, MachineSpec } from '../../spec/types.ts';
import type { Toolbox } from '../toolbox.ts';

/**
 * The API server looks at its files when they change and once a minute (k8s.io/apiserver, dynamiccertificates); etcd at each handshake. A
 * program that was ended is started again by the kubelet at once the first time, and after 10, 20 and 40 s when it was ended a short while
 * before.
 */
const RELOAD_DEADLINE_MS = 150_000;

/**
 * Waits until what was issued is in use. `silent` says what to make of a port that does not answer: with 'let be' there may be nobody to
 * serve it, as on a cluster whose certificates have all ended. Throws WAIT_TIMED_OUT.
 */
export async function awaitReloaded(
  ctx: Context,
  tools: Toolbox,
  spec: ClusterSpec,
  machine: MachineSpec,
  leaves: readonly Pick<ExpectedCertificate, 'path'>[],
  silent: 'let be' | 'wait' = 'let be',
): Promise<void> {
  const written = new Set(leaves.map(({ path }) => path));
  const ports = servingPorts(spec, machine).filter(({ path }) => path !== undefined && written.has(path));
  const programs = Object.entries(READ_AT_START).filter(([, path]) => written.has(path));
  if (ports.length + programs.length === 0) return;
  const host = tools.fleet.machine(machine.name);
  const onDisk = await readCertificates(ctx, host, ports);
  const condition = `what runs on ${machine.name} uses its new certificates`;
  await waitFor(ctx, { condition, deadlineMs: RELOAD_DEADLINE_MS, intervalMs: 1_000 }, async () => {
    const seen = await readServing(ctx, host, ports);
    const behind = ports.flatMap((port) => {
      const { state } = servedPort(port, seen.presented[port.target], onDisk);
      if (state === 'silent') return silent === 'wait' ? [`${port.name} does not answer`] : [];
      return state === 'same' ? [] : [`${port.name} still presents the old one`];
    });
    const old = programs.flatMap(([name]) => {
      if (seen.programs[name] === 'stale') return [`${name} still runs with the old one`];
      return seen.programs[name] === undefined && silent === 'wait' ? [`${name} does not run`] : [];
    });
    return [...behind, ...old].join(', ') || true;
  });
}

async function readCertificates(
  ctx: Context,
  host: Machine,
  ports: readonly { readonly path?: string }[],
): Promise<Record<string, string>> {
  const paths = ports.flatMap(({ path }) => path ?? []);
  const entries = paths.map(async (path) => [path, Buffer.from((await host.readFile(ctx, path)) ?? '').toString()]);
  return Object.fromEntries(await Promise.all(entries));
}
