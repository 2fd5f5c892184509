// A toolbox for engine tests: no machines, an observation that the test decides.
import { createFleet } from '../../src/machines/fleet.ts';
import type { Observed } from '../../src/observe/observed.ts';
import type { Toolbox } from '../../src/phases/toolbox.ts';
import type { ClusterSpec } from '../../src/spec/types.ts';

const notUsed = async (): Promise<never> => {
  throw new Error('this tool is not part of the test');
};

/** Tools that fail when used, except `observe`. */
export function makeToolbox(spec: ClusterSpec, observe: () => Observed): Toolbox {
  return {
    fleet: createFleet({ ...spec, machines: [] }, notUsed as never),
    artifacts: notUsed,
    shared: notUsed,
    kube: notUsed,
    bootstrapToken: notUsed,
    observe: async () => observe(),
    askGate: async () => {},
    probe: notUsed,
  };
}
