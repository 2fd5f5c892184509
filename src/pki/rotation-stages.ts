// Which stages come next. Pure.
import { QuorateError } from '../core/errors.ts';
import type { RotationKind, RotationStage, RotationState } from './rotation.ts';

/** forward: as far as may be done in one go. finish: the stage that waits for time to pass. rollback: to where it began. */
export type RotationDirection = 'forward' | 'finish' | 'rollback';

const FORWARD: Readonly<Record<RotationKind, readonly RotationStage[]>> = {
  authorities: ['trust', 'reissue', 'distrust'],
  'service-account': ['verify', 'sign'],
  encryption: ['read', 'write', 'finish'],
};

/** How many of the forward stages are complete in a state, or begun: a begun one is done again. */
const COMPLETE: Readonly<Partial<Record<RotationStage, number>>> = {
  trusted: 1,
  reissue: 1,
  reissued: 2,
  distrust: 2,
  verified: 1,
  sign: 1,
  signed: 2,
  readable: 1,
  write: 1,
  written: 2,
};

/**
 * The stages that a run has to go through, the next one first. Throws ROTATION_REFUSED when the way is closed: back after what was is
 * trusted no more, forward while it goes back, to finish what has not come that far.
 */
export function nextStages(
  kind: RotationKind,
  state: RotationState | undefined,
  direction: RotationDirection,
  until?: RotationStage,
): readonly RotationStage[] {
  const stage = state?.stage;
  if (direction === 'rollback') return backward(kind, stage);
  if (stage === 'back' || stage === 'restore') {
    throw new QuorateError('ROTATION_REFUSED', 'the rotation is being rolled back', {
      hint: 'end that first: the same command with --rollback',
    });
  }
  if (kind === 'service-account' && (direction === 'finish' || stage === 'finish')) return finishing(stage);
  const rest = kind === 'encryption' && stage === 'finish' ? ['finish' as const] : forward(kind, stage);
  const last = until === undefined ? -1 : FORWARD[kind].indexOf(until);
  return until === undefined ? rest : rest.filter((next) => FORWARD[kind].indexOf(next) <= last);
}

function forward(kind: RotationKind, stage: RotationStage | undefined): readonly RotationStage[] {
  return FORWARD[kind].slice(stage === undefined ? 0 : (COMPLETE[stage] ?? 0));
}

function finishing(stage: RotationStage | undefined): readonly RotationStage[] {
  if (stage === 'signed' || stage === 'finish') return ['finish'];
  throw new QuorateError('ROTATION_REFUSED', 'no new key signs tokens yet on every control plane', {
    hint: 'run the same command without --finish first',
  });
}

function backward(kind: RotationKind, stage: RotationStage | undefined): readonly RotationStage[] {
  if (stage === undefined) throw new QuorateError('ROTATION_REFUSED', 'no rotation is under way');
  if (kind === 'authorities') {
    if (['trust', 'trusted', 'restore'].includes(stage)) return ['restore'];
    if (['reissue', 'reissued', 'back'].includes(stage)) return ['back', 'restore'];
  }
  // Nothing has been signed or written with the new key yet.
  if (['verify', 'verified', 'read', 'readable', 'restore'].includes(stage)) return ['restore'];
  throw new QuorateError('ROTATION_REFUSED', `there is no way back from the stage "${stage}"`, {
    hint: 'go on to the end; a further rotation brings further keys',
  });
}
