import { describe, expect, it } from 'vitest';
import { parseMachineFacts } from '../../../src/observe/machine-facts.ts';
import { clockText, factsText } from '../../helpers/facts-text.ts';
import { healthyCluster } from '../../helpers/observed.ts';
import { makeSpec } from '../../helpers/spec.ts';

const spec = makeSpec({ loadBalancers: 1 });
const { machines } = await healthyCluster(spec);

describe('the text of facts, for benches and tests', () => {
  it.each(spec.machines.map(({ name, address }) => ({ name, address })))(
    'says of $name what parsing it gives back',
    ({ name, address }) => {
      const facts = machines[name]?.facts;
      expect(facts).toBeDefined();
      if (facts === undefined) return;
      const at = 1_795_000_000_000;
      const text = clockText(at + 70) + factsText(facts);
      // The clock is 70 ms later than the moment of asking, which took no time.
      expect(parseMachineFacts(text, address, { fromMs: at, toMs: at })).toEqual({ ...facts, clockSkewMs: 70 });
    },
  );
});
