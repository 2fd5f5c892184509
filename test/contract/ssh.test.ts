import { rmSync } from 'node:fs';
import { afterAll, describe } from 'vitest';
import { makeSpec } from '../helpers/spec.ts';
import { whyNoLocalMachines } from './host-skip.ts';
import { machineContract } from './machine-contract.ts';
import { sshBehaviour } from './ssh-behaviour.ts';
import { makeLab, sshSubject } from './ssh-subject.ts';

const skip = await whyNoLocalMachines();

describe.skipIf(skip !== undefined)(`over SSH${skip === undefined ? '' : ` (skipped: ${skip})`}`, () => {
  const lab = makeLab();
  const spec = (name: string, prefix: string) =>
    makeSpec({ name, prefix, driver: 'local', controlPlanes: 1, workers: 1 });
  afterAll(() => {
    delete process.env.QUORATE_SSH_CONFIG;
    rmSync(lab.directory, { recursive: true, force: true });
  });

  describe('machine contract: ssh', () => {
    machineContract({
      spec: spec('ct-ssh', '10.88.24'),
      makeDriver: () => sshSubject(lab),
      // Nothing on this host knows that the plug was pulled: each attempt waits for the network to give up.
      refusalMs: 60_000,
    });
  });

  describe('ssh driver', () => {
    sshBehaviour(lab, spec('ct-sshd', '10.88.25'));
  });
});
