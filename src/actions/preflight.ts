// Before anything is built: whatever would make it fail half-way is said now, all of it at once.
import { HOST_CHECKS, type HostResult, runHostCheck, thisHost } from '../checks/host/index.ts';
import type { Context } from '../core/context.ts';
import type { ErrorCode } from '../core/error-codes.ts';
import { QuorateError } from '../core/errors.ts';
import type { Observed } from '../observe/observed.ts';
import type { ClusterSpec } from '../spec/types.ts';

/** Measuring takes seconds, and a slow disk is a warning, not a reason to stop. */
const LEFT_TO_DOCTOR = ['disk-latency'];

/** The code that fits a failed check; HOST_UNFIT for the others. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  root: 'NOT_ROOT',
  'local-tools': 'HOST_TOOL_MISSING',
  'ssh-tools': 'HOST_TOOL_MISSING',
  subnets: 'NETWORK_CLASH',
  vip: 'VIP_TAKEN',
  sources: 'ARTIFACT_UNAVAILABLE',
};

/**
 * Asks doctor's questions when machines are to be made on this host, all at once. Throws the first failed one's code
 * (NOT_ROOT, HOST_TOOL_MISSING, NETWORK_CLASH, VIP_TAKEN, HOST_UNFIT, ARTIFACT_UNAVAILABLE) with every failure and its fix.
 */
export async function preflight(ctx: Context, spec: ClusterSpec, observed: Observed): Promise<void> {
  const isNew = Object.values(observed.machines).some(({ state }) => state === 'absent');
  if (!isNew) return;
  const question = { host: thisHost(), spec };
  const checks = HOST_CHECKS.filter(({ id }) => !LEFT_TO_DOCTOR.includes(id));
  const results = await Promise.all(checks.map((check) => runHostCheck(ctx, check, question)));
  const failures = results.filter(({ state }) => state === 'failed');
  const [first] = failures;
  if (!first) return;
  throw new QuorateError(CODES[first.id] ?? 'HOST_UNFIT', failures.map(describe).join('\n'), {
    hint: first.fix ?? 'run: quorate doctor',
    data: { failures: failures.map(({ id, evidence, fix }) => ({ id, evidence, fix })) },
  });
}

function describe({ title, evidence }: HostResult): string {
  return `not so: ${title}: ${evidence}`;
}
