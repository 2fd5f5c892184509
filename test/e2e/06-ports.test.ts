// Who may reach which port. This host is outside: it is no machine of the cluster.
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { ADDRESSES, onMachine } from './support/cli.ts';
import { useHealthyCluster } from './support/health.ts';

useHealthyCluster();

type Verdict = 'open' | 'closed' | 'filtered';

const CLOSED_OUTSIDE = [2379, 2380, 2381, 10249, 10250, 10256, 10257, 10259];
const PLANE = ADDRESSES.cp2;

describe('from outside the cluster', () => {
  it('the API is open, at the virtual IP and at each control plane', async () => {
    for (const address of ['10.89.0.10', ADDRESSES.cp1, ADDRESSES.cp2, ADDRESSES.cp3])
      expect(await fromHere(address, 6443)).toBe('open');
  });

  it.each(CLOSED_OUTSIDE)('port %i of a control plane is not', async (port) => {
    expect(await fromHere(PLANE, port)).not.toBe('open');
  });

  it('the kubelet of a worker is not', async () => {
    expect(await fromHere(ADDRESSES.w1, 10250)).not.toBe('open');
  });
});

describe('inside the cluster', () => {
  it.each([
    { from: 'cp1', port: 2379, open: true },
    { from: 'cp1', port: 2380, open: true },
    { from: 'cp1', port: 2381, open: true },
    { from: 'w1', port: 2379, open: false },
    { from: 'w1', port: 2380, open: false },
    { from: 'w1', port: 2381, open: true },
    { from: 'w1', port: 10250, open: true },
    { from: 'w1', port: 10257, open: true },
    { from: 'w1', port: 10259, open: true },
    { from: 'w1', port: 6443, open: true },
  ] as const)('$from reaches port $port of a control plane: $open', async ({ from, port, open }) => {
    const { exitCode } = await onMachine(from, `timeout 1 bash -c '</dev/tcp/${PLANE}/${port}'`);
    expect(exitCode === 0).toBe(open);
  });
});

function fromHere(host: string, port: number): Promise<Verdict> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1_000 });
    const end = (verdict: Verdict) => {
      socket.destroy();
      resolve(verdict);
    };
    socket.once('connect', () => end('open'));
    socket.once('timeout', () => end('filtered'));
    socket.once('error', () => end('closed'));
  });
}
