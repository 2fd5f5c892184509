// The phases of one stage of a rotation that are not among the usual ones: write what it asks for, see to those who read it, note that
// it is complete. Between the first and the rest everything else changes as it always does when files differ.
import type { Context } from '../core/context.ts';
import type { FileContent } from '../core/file.ts';
import type { MachineFacts } from '../machines/facts.ts';
import type { Observed } from '../observe/observed.ts';
import { sharedPathsOf, sharingMachines } from '../pki/placement.ts';
import {
  ROTATION_DIR,
  ROTATION_STATE_PATH,
  type RotationMaterial,
  type RotationStage,
  type RotationState,
  rotationFiles,
  stateText,
} from '../pki/rotation.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { isDifferent } from './files/managed-files.ts';
import type { Phase, Step } from './step.ts';
import { writtenTo } from './steps/rotation-files.ts';
import type { Toolbox } from './toolbox.ts';

/** What a stage is, for people. */
export const STAGE_TITLES: Readonly<Record<RotationStage, string>> = {
  trust: 'trust the old and the new authorities',
  trusted: 'trust the old and the new authorities',
  reissue: 'sign with the new authorities',
  reissued: 'sign with the new authorities',
  distrust: 'trust the new authorities only',
  verify: 'verify tokens of the old and the new key',
  verified: 'verify tokens of the old and the new key',
  sign: 'sign tokens with the new key',
  signed: 'sign tokens with the new key',
  finish: 'forget the old key',
  read: 'read with the old and the new key',
  readable: 'read with the old and the new key',
  write: 'write with the new key',
  written: 'write with the new key',
  back: 'sign with the old ones again',
  restore: 'put the old ones back alone',
};

/** The word for a stage that is complete; one that has none ends the rotation. */
const COMPLETE: Readonly<Partial<Record<RotationStage, RotationStage>>> = {
  trust: 'trusted',
  reissue: 'reissued',
  verify: 'verified',
  sign: 'signed',
  read: 'readable',
  write: 'written',
  back: 'back',
};

/** Writes the files of a stage to every machine that shares them. */
export function writeStage(state: RotationState, material: RotationMaterial): Phase {
  return {
    id: `write-${state.stage}`,
    title: `Rotation: ${STAGE_TITLES[state.stage]}`,
    plan: (spec, observed) =>
      stageFiles(spec, observed, state, material).flatMap(({ name, facts, files }): Step[] => {
        const changed = files.filter((file) => isDifferent(facts, file));
        if (changed.length === 0) return [];
        return [
          {
            id: `${name}/rotation`,
            lane: name,
            machine: name,
            title: `write the files of this stage (${changed.length} ${changed.length === 1 ? 'file' : 'files'})`,
            why: `${state.kind}: ${state.stage}`,
            run: (ctx, { fleet }) => fleet.machine(name).writeFiles(ctx, changed),
          },
        ];
      }),
  };
}

/** The cluster as it will be seen once the files of a stage are written. */
export function afterWriting(
  spec: ClusterSpec,
  observed: Observed,
  state: RotationState,
  material: RotationMaterial,
): Observed {
  const machines = { ...observed.machines };
  for (const { name, facts, files } of stageFiles(spec, observed, state, material)) {
    const changed = files.filter((file) => isDifferent(facts, file));
    machines[name] = { name, state: 'running', facts: writtenTo(facts, changed, observed.takenAtMs) };
  }
  return { ...observed, machines };
}

function stageFiles(
  spec: ClusterSpec,
  observed: Observed,
  state: RotationState,
  material: RotationMaterial,
): { readonly name: string; readonly facts: MachineFacts; readonly files: readonly FileContent[] }[] {
  return sharingMachines(spec).flatMap((machine) => {
    const facts = observed.machines[machine.name]?.facts;
    if (facts === undefined) return [];
    return [{ name: machine.name, facts, files: rotationFiles(state, material, sharedPathsOf(spec, machine)) }];
  });
}

/** Notes that a stage is complete, or takes away what the rotation has kept when it was the last one. */
export function completeStage({ kind, stage }: RotationState): Phase {
  const complete = COMPLETE[stage];
  return {
    id: `complete-${stage}`,
    title: complete === undefined ? 'End the rotation' : 'Note that this stage is complete',
    plan: (spec) =>
      sharingMachines(spec).map(
        ({ name }): Step => ({
          id: `${name}/rotation-state`,
          lane: 'rotation-state',
          machine: name,
          title: complete === undefined ? 'remove what the rotation has kept' : `note it in ${ROTATION_STATE_PATH}`,
          why: `${kind}: ${stage}`,
          run: (ctx, tools) =>
            complete === undefined ? forget(ctx, tools, name) : note(ctx, tools, name, { kind, stage: complete }),
        }),
      ),
  };
}

async function note(ctx: Context, { fleet }: Toolbox, name: string, state: RotationState): Promise<void> {
  await fleet.machine(name).writeFiles(ctx, [{ path: ROTATION_STATE_PATH, content: stateText(state), mode: 0o600 }]);
}

/** One rename ends it, so that no half of it is ever taken for a rotation; what it leaves is removed behind it. */
const FORGET_SCRIPT = `rm -rf ${ROTATION_DIR}.ended
[ ! -d ${ROTATION_DIR} ] || mv -T ${ROTATION_DIR} ${ROTATION_DIR}.ended
rm -rf ${ROTATION_DIR}.ended
`;

async function forget(ctx: Context, { fleet }: Toolbox, name: string): Promise<void> {
  await fleet.machine(name).exec(ctx, ['sh', '-c', FORGET_SCRIPT]);
}
