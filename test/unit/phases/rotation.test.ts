// What a stage of a rotation makes of the usual plan, and what other verbs say to one that was ended.
import { beforeAll, describe, expect, it } from 'vitest';
import { makePlan } from '../../../src/engine/plan.ts';
import type { Observed } from '../../../src/observe/observed.ts';
import { afterWriting, completeStage, writeStage } from '../../../src/phases/rotate-shared.ts';
import { rotationOf } from '../../../src/phases/steps/rotation-state.ts';
import { ENCRYPTION_CONFIG_PATH } from '../../../src/pki/names.ts';
import {
  type RotationMaterial,
  type RotationStage,
  type RotationState,
  rotatedPaths,
} from '../../../src/pki/rotation.ts';
import { generateSharedMaterial, sharedFiles } from '../../../src/pki/shared.ts';
import { recordingContext } from '../../helpers/context.ts';
import { healthyFleet } from '../../helpers/observed.ts';
import { makeSpec } from '../../helpers/spec.ts';

const spec = makeSpec();
let healthy: Observed;
let material: RotationMaterial;
beforeAll(async () => {
  const fleet = await healthyFleet(spec, Date.now());
  healthy = fleet.observed;
  const part = (shared: typeof fleet.material) =>
    Object.fromEntries(
      sharedFiles(shared)
        .filter(({ path }) => rotatedPaths('authorities').includes(path))
        .map(({ path, content }) => [path, content.toString()]),
    );
  material = { before: part(fleet.material), after: part(await generateSharedMaterial(recordingContext())) };
}, 60_000);

const state = (stage: RotationStage): RotationState => ({ kind: 'authorities', stage });
const written = (stage: RotationStage, from = healthy) => afterWriting(spec, from, state(stage), material);
const ids = (observed: Observed) =>
  makePlan(spec, observed).flatMap(({ phase, steps }) => steps.map(({ id }) => `${phase.id} ${id}`));

describe('the stage trust', () => {
  it('is written to every machine that shares the files, whole', () => {
    const steps = writeStage(state('trust'), material).plan(spec, healthy);
    expect(steps.map(({ id }) => id)).toEqual(['cp1/rotation', 'cp2/rotation', 'cp3/rotation']);
    expect(writeStage(state('trust'), material).plan(spec, written('trust'))).toEqual([]);
  });

  it('rolls every control plane, and brings the authorities to workers', () => {
    const steps = ids(written('trust'));
    for (const name of ['cp1', 'cp2', 'cp3']) expect(steps).toContain(`roll-control-planes ${name}/roll`);
    expect(steps.filter((id) => id.endsWith('/kubelet-trust'))).toContain('prepare-machines w1/kubelet-trust');
    expect(steps).toContain('form-cluster cluster-objects');
  });

  it('is what the machines say from then on', () => {
    expect(rotationOf(spec, written('trust'))?.state).toEqual(state('trust'));
    expect(rotationOf(spec, healthy)).toBeUndefined();
  });
});

describe('the stage reissue', () => {
  it('issues every certificate of the control planes anew', () => {
    const steps = makePlan(spec, written('reissue')).flatMap((phase) => phase.steps);
    const issue = steps.find(({ id }) => id === 'cp1/certificates');
    for (const name of ['apiserver', 'etcd-peer', 'admin.conf', 'kubelet-client']) expect(issue?.title).toContain(name);
  });
});

describe('a rotation that was ended half-way', () => {
  it('is named by every other verb, with the command that goes on', () => {
    const whole = written('trust');
    const half: Observed = { ...whole, machines: { ...whole.machines, cp3: healthy.machines.cp3 ?? expect.fail() } };
    expect(() => makePlan(spec, half)).toThrowError(
      expect.objectContaining({ code: 'ROTATION_UNFINISHED', hint: 'go on with: quorate certs rotate-ca' }),
    );
    expect(() => makePlan(spec, written('trust', half))).not.toThrow();
  });

  it('is no reason to refuse anything once all machines agree', () => {
    expect(() => makePlan(spec, written('trusted'))).not.toThrow();
  });

  it('gives a machine that joins what the others keep', () => {
    const whole = written('trusted');
    const bare = healthy.machines.cp3?.facts ?? expect.fail();
    const files = Object.fromEntries(
      Object.entries(bare.files).filter(
        ([path]) => !path.startsWith('/etc/kubernetes/pki/') && path !== ENCRYPTION_CONFIG_PATH,
      ),
    );
    const joining: Observed = {
      ...whole,
      machines: { ...whole.machines, cp3: { name: 'cp3', state: 'running', facts: { ...bare, files } } },
    };
    const steps = ids(joining);
    expect(steps).toContain('prepare-machines cp3/rotation-files');
    expect(steps.indexOf('prepare-machines cp3/rotation-files')).toBeLessThan(
      steps.indexOf('prepare-machines cp3/authorities'),
    );
  });
});

describe('the end of a stage', () => {
  it('is noted, and that of the last one takes everything away', () => {
    const [trusted] = completeStage(state('trust')).plan(spec, healthy);
    const [ended] = completeStage(state('distrust')).plan(spec, healthy);
    expect([trusted?.title, ended?.title]).toEqual([
      'note it in /etc/kubernetes/pki/rotation/state',
      'remove what the rotation has kept',
    ]);
  });
});
