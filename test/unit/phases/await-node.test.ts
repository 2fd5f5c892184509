// When a changed worker counts as good: the API alone cannot tell, because a node stays Ready for 40 s after its kubelet has died.
import { afterEach, describe, expect, it } from 'vitest';
import type { Machine } from '../../../src/machines/machine.ts';
import { awaitGood } from '../../../src/phases/change/await-node.ts';
import type { Toolbox } from '../../../src/phases/toolbox.ts';
import { recordingContext } from '../../helpers/context.ts';
import { type FakeApi, startApi } from '../../helpers/kube-server.ts';
import { makeSpec } from '../../helpers/spec.ts';
import { makeToolbox } from '../../helpers/toolbox.ts';

const STARTED_S = 1_795_000_000;
const at = (second: number) => new Date(second * 1000).toISOString();
let api: FakeApi;
afterEach(() => api.close());

const NODE = {
  metadata: { name: 'w1' },
  status: { nodeInfo: { kubeletVersion: 'v1.36.3' }, conditions: [{ type: 'Ready', status: 'True' }] },
};

/** Waits for w1, whose systemd answers `units` one after the other and whose lease was renewed at these seconds. */
async function wait(units: readonly string[], renewals: readonly number[]): Promise<{ looks: number }> {
  const ctx = recordingContext();
  const next = <T>(list: readonly T[], index: number) => list[Math.min(index, list.length - 1)] as T;
  let looks = 0;
  let reads = 0;
  api = await startApi(ctx, ({ path }) => {
    if (path === '/version') return { body: { gitVersion: 'v1.36.3' } };
    if (path === '/api/v1/nodes') return { body: { kind: 'NodeList', items: [NODE] } };
    if (path.endsWith('/kube-node-lease/leases/w1')) {
      reads += 1;
      return { body: { metadata: { name: 'w1' }, spec: { renewTime: at(next(renewals, reads - 1)) } } };
    }
    return { body: { kind: 'List', items: [] } };
  });
  const host = {
    name: 'w1',
    exec: async () => {
      looks += 1;
      return { stdout: next(units, looks - 1) };
    },
  } as unknown as Machine;
  const tools = makeToolbox(makeSpec(), () => expect.fail('nothing is observed'));
  const fleet = { ...tools.fleet, machine: () => host };
  const toolbox: Toolbox = { ...tools, fleet, kube: async () => api.kube };
  await awaitGood(ctx, toolbox, { machine: 'w1', kubelet: 'v1.36.3' });
  return { looks };
}

const unit = (state: string, restarts: number) =>
  `ActiveState=${state}\nActiveEnterTimestamp=@${STARTED_S}\nNRestarts=${restarts}\n`;

describe('a worker whose kubelet was restarted', () => {
  it('is good once its kubelet has been heard of since then, three looks in a row', async () => {
    const { looks } = await wait([unit('active', 0)], [STARTED_S - 5, STARTED_S - 5, STARTED_S + 1]);
    expect(looks).toBe(5);
  });

  it('is not good while its kubelet does not stay up, though its node is Ready', async () => {
    const { looks } = await wait([unit('activating', 1), unit('activating', 2), unit('active', 2)], [STARTED_S + 1]);
    expect(looks).toBe(5);
  });

  it('is given up when its kubelet crashes again and again', async () => {
    await expect(wait([unit('activating', 10)], [STARTED_S - 5])).rejects.toMatchObject({
      code: 'NODE_NOT_GOOD',
      message: 'the kubelet of w1 crashes again and again (10 restarts)',
    });
  });
});
