// Rotation of authorities and keys, stage after stage: what `quorate certs rotate-…` does.
import type { Context } from '../core/context.ts';
import { messageOf, QuorateError } from '../core/errors.ts';
import { formatDuration } from '../core/wait.ts';
import { withClusterLock } from '../engine/lock.ts';
import type { PlanReport } from '../engine/plan.ts';
import { recorded } from '../engine/run.ts';
import { awaitKube } from '../kube/connect.ts';
import { type BehindWorkloads, workloadsBehind } from '../kube/trusted-authority.ts';
import type { Observed } from '../observe/observed.ts';
import { awaitEncryptionConfig, rewriteAllSecrets, verifyEncryption } from '../phases/encrypt-again.ts';
import { PHASES } from '../phases/index.ts';
import { publishAuthorities } from '../phases/publish-authorities.ts';
import { afterWriting, completeStage, STAGE_TITLES, writeStage } from '../phases/rotate-shared.ts';
import type { Phase } from '../phases/step.ts';
import { refuseConflicts } from '../phases/steps/certificates.ts';
import { ROTATION_COMMANDS, rotationOf } from '../phases/steps/rotation-state.ts';
import { ENCRYPTION_CONFIG_PATH } from '../pki/names.ts';
import { sharingMachines } from '../pki/placement.ts';
import {
  encryptionKeys,
  ROTATION_STATE_PATH,
  type RotationKind,
  type RotationMaterial,
  type RotationStage,
  type RotationState,
  stageContents,
} from '../pki/rotation.ts';
import { nextStages, type RotationDirection } from '../pki/rotation-stages.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { type Change, type ChangeOptions, carryOut } from './carry-out.ts';
import { openCluster } from './cluster.ts';
import { openRotation } from './rotate-material.ts';

/** How a rotation is carried out. */
export interface RotateOptions extends Omit<ChangeOptions, 'confirm'> {
  readonly kind: RotationKind;
  readonly direction: RotationDirection;
  /** The last stage of this run; default: as far as it goes. */
  readonly until?: RotationStage;
  /** true: other workloads than quorate's own are restarted too, where they have read the authorities before. */
  readonly restartWorkloads?: boolean;
  /** How long ago tokens must have been signed with the new key for the first time before the old key may go, milliseconds. */
  readonly minAgeMs?: number;
  /** Shown the plan of each stage before anything of it is done; throws to decline. */
  readonly confirm: (plan: PlanReport, stage: string) => Promise<void>;
}

/** What a rotation did: as `-o json` shows it. */
export interface RotateReport {
  readonly cluster: string;
  readonly kind: RotationKind;
  /** Stages that this run has completed, in order. */
  readonly stages: readonly { readonly stage: RotationStage; readonly steps: number; readonly durationMs: number }[];
  /** Where the rotation stands now; absent when none is under way. */
  readonly state?: RotationStage;
  /** Others' workloads that have read the authorities before they changed. */
  readonly behind?: BehindWorkloads;
  readonly durationMs: number;
}

/** An API server that has just been restarted is ready within seconds; a busy host makes that a minute. */
const LIST_DEADLINE_MS = 60_000;

/** Pods' tokens live for an hour and are renewed earlier (kubelet, TokenRequest): after it none of the old key is in use. */
export const TOKEN_AGE_MS = 60 * 60_000;

/**
 * Carries a rotation on, stage after stage, each with its own plan. A run that was ended continues with the same call. Throws
 * ROTATION_REFUSED, ROTATION_UNFINISHED, MACHINE_UNREACHABLE, and as carryOut.
 */
export async function rotate(ctx: Context, spec: ClusterSpec, options: RotateOptions): Promise<RotateReport> {
  const start = Date.now();
  return withClusterLock(ctx, spec.name, () =>
    recorded(ctx, spec, ROTATION_COMMANDS[options.kind].replace('quorate ', ''), async () => {
      const stages = await runStages(ctx, spec, options);
      const { observed } = await openCluster(ctx, spec, options);
      const state = rotationOf(spec, observed)?.state.stage;
      const isWaiting = options.kind === 'authorities' && state !== undefined;
      const behind = isWaiting ? await behindNow(ctx, spec, options) : undefined;
      return {
        cluster: spec.name,
        kind: options.kind,
        stages,
        ...(state === undefined ? {} : { state }),
        ...(behind === undefined ? {} : { behind }),
        durationMs: Date.now() - start,
      };
    }),
  );
}

async function runStages(ctx: Context, spec: ClusterSpec, options: RotateOptions): Promise<RotateReport['stages']> {
  const done: RotateReport['stages'][number][] = [];
  const opened = await openCluster(ctx, spec, options);
  requireWhole(spec, opened.observed);
  const { state, material } = await begin(ctx, opened, options);
  const stages = nextStages(options.kind, state, options.direction, options.until);
  for (const stage of stages) {
    // Each stage looks again: the one before has taken minutes, and has changed everything that the next one plans from.
    const { fleet, observed } = done.length === 0 ? opened : await openCluster(ctx, spec, options);
    requireWhole(spec, observed);
    const next = { kind: options.kind, stage };
    refuseEarlyFinish(spec, observed, next, options);
    if (stage === 'reissue') await warnOfBehind(ctx, spec, options);
    const change = changeOf(spec, next, material, options);
    const confirm = (plan: PlanReport) => options.confirm(plan, STAGE_TITLES[stage]);
    const report = await carryOut(ctx, fleet, observed, change, { ...options, confirm });
    done.push({ stage, steps: report.changes, durationMs: report.durationMs });
  }
  return done;
}

async function begin(
  ctx: Context,
  { fleet, observed }: Awaited<ReturnType<typeof openCluster>>,
  { kind, direction }: RotateOptions,
): Promise<{ state: RotationState | undefined; material: RotationMaterial }> {
  const found = rotationOf(fleet.spec, observed);
  if (found === undefined) refuseConflicts(fleet.spec, observed);
  if (found !== undefined && found.state.kind !== kind) {
    throw new QuorateError(
      'ROTATION_UNFINISHED',
      `another rotation is under way, in its stage "${found.state.stage}"`,
      {
        hint: `end it first: ${ROTATION_COMMANDS[found.state.kind]}`,
      },
    );
  }
  // Before keys are made: what cannot be done is said at once.
  nextStages(kind, found?.state, direction);
  const { state, material } = await openRotation(ctx, fleet, observed, kind);
  return { state, material };
}

/** A machine that is left out would be cut off, or bring back what nobody trusts any more. Throws MACHINE_UNREACHABLE. */
function requireWhole(spec: ClusterSpec, observed: Observed): void {
  const silent = spec.machines.filter(({ name }) => observed.machines[name]?.facts === undefined);
  if (silent.length === 0) return;
  const names = silent.map(({ name }) => name).join(', ');
  throw new QuorateError('MACHINE_UNREACHABLE', `${names}: no answer, and a rotation needs every machine`, {
    hint: 'bring it back, or take it out of cluster.yaml and apply that first',
  });
}

/** What a stage is made of. */
function changeOf(spec: ClusterSpec, state: RotationState, material: RotationMaterial, options: RotateOptions): Change {
  const { kind, stage } = state;
  const write = writeStage(state, material);
  const base = {
    verb: ROTATION_COMMANDS[kind].replace('quorate ', ''),
    afterFirst: (observed: Observed) => afterWriting(spec, observed, state, material),
  };
  if (kind === 'encryption') return { ...base, rest: [], first: encryptionPhases(state, material, write) };
  const changesTrust = kind === 'authorities' && ['trust', 'distrust', 'restore'].includes(stage);
  const publish = changesTrust ? [publishAuthorities(options.restartWorkloads === true)] : [];
  return { ...base, first: [write], rest: [...PHASES, ...publish, completeStage(state)] };
}

function encryptionPhases(state: RotationState, material: RotationMaterial, write: Phase): readonly Phase[] {
  const content = stageContents(state, material)[ENCRYPTION_CONFIG_PATH] ?? '';
  const [key] = encryptionKeys(material.after[ENCRYPTION_CONFIG_PATH] ?? '');
  const proof = [rewriteAllSecrets, verifyEncryption(key?.name ?? '')];
  const { stage } = state;
  return [
    ...(stage === 'finish' ? proof : []),
    write,
    awaitEncryptionConfig(content),
    ...(stage === 'write' ? proof : []),
    completeStage(state),
  ];
}

/** Tokens that the old key has signed have to be of no use to anybody before it goes. Throws ROTATION_REFUSED. */
function refuseEarlyFinish(
  spec: ClusterSpec,
  observed: Observed,
  { kind, stage }: RotationState,
  { minAgeMs = TOKEN_AGE_MS }: RotateOptions,
): void {
  if (kind !== 'service-account' || stage !== 'finish') return;
  const written = sharingMachines(spec).map(
    ({ name }) => observed.machines[name]?.facts?.files[ROTATION_STATE_PATH]?.mtimeMs ?? 0,
  );
  const leftMs = Math.max(...written) + minAgeMs - observed.takenAtMs;
  if (leftMs <= 0) return;
  throw new QuorateError(
    'ROTATION_REFUSED',
    `pods may still hold tokens of the old key; it can go in ${formatDuration(leftMs)}`,
    { hint: 'kubelets renew the tokens of pods within an hour; run the same command then' },
  );
}

/** undefined when the API could not say: it is a help, and no reason to end a rotation half-way. */
async function behindNow(
  ctx: Context,
  spec: ClusterSpec,
  options: RotateOptions,
): Promise<BehindWorkloads | undefined> {
  try {
    const { fleet } = await openCluster(ctx, spec, options);
    return await workloadsBehind(await awaitKube(ctx, fleet, LIST_DEADLINE_MS));
  } catch (error) {
    if (ctx.signal.aborted) throw error;
    ctx.emit('warning', {
      text: `which workloads have read the authorities before could not be told: ${messageOf(error)}`,
    });
    return undefined;
  }
}

/** Said before API servers present certificates of the new authority: who has read the old one alone may not follow. */
async function warnOfBehind(ctx: Context, spec: ClusterSpec, options: RotateOptions): Promise<void> {
  const { workloads, pods } = (await behindNow(ctx, spec, options)) ?? { workloads: [], pods: [] };
  const names = [...workloads.map(({ kind, namespace, name }) => `${kind} ${namespace}/${name}`), ...pods];
  if (names.length === 0) return;
  ctx.emit('warning', {
    text: `started before the new authorities, and lost when they do not read them again by themselves: ${names.join(', ')}; restart them first, or with --restart-workloads --until trust`,
  });
}
