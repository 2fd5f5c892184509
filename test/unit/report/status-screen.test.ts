import { beforeAll, describe, expect, it } from 'vitest';
import type { Observed } from '../../../src/observe/observed.ts';
import { statusReport } from '../../../src/report/status.ts';
import { renderStatus } from '../../../src/report/status-screen.ts';
import { PLAIN_THEME } from '../../../src/report/theme.ts';
import { healthyCluster } from '../../helpers/observed.ts';
import { makeSpec } from '../../helpers/spec.ts';

const spec = makeSpec();
let healthy: Observed;
beforeAll(async () => {
  healthy = await healthyCluster(spec);
});
const screen = (observed: Observed) => `${renderStatus(statusReport(spec, observed), PLAIN_THEME)}\n`;

/** The same cluster after control planes lost power. */
function without(observed: Observed, ...names: string[]): Observed {
  const machines = Object.fromEntries(names.map((name) => [name, { name, state: 'stopped' as const }]));
  const members = observed.etcd?.members.map((member) => {
    const { status, ...rest } = member;
    return names.includes(member.name) || !status ? rest : member;
  });
  return {
    ...observed,
    machines: { ...observed.machines, ...machines },
    apiServers: observed.apiServers.map((server) =>
      names.includes(server.machine) ? { ...server, ready: false, detail: 'the machine is stopped' } : server,
    ),
    vipHolders: observed.vipHolders.filter((name) => !names.includes(name)),
    etcd: { alarms: [], members: members ?? [] },
  };
}

describe('the status screen', () => {
  it('of a healthy cluster', async () => {
    await expect(screen(healthy)).toMatchFileSnapshot('../../golden/status/healthy.txt');
  });

  it('says that the next failure stops writes when one of three is down', async () => {
    await expect(screen(without(healthy, 'cp3'))).toMatchFileSnapshot('../../golden/status/one-down.txt');
  });

  it('says that quorum is lost when two of three are down and the API is gone', async () => {
    const { kube: _kube, endpoint: _endpoint, ...rest } = without(healthy, 'cp2', 'cp3');
    const observed = { ...rest, endpoint: { ready: false, detail: 'no answer' } };
    await expect(screen(observed)).toMatchFileSnapshot('../../golden/status/quorum-lost.txt');
  });

  it('of load balancers on machines of their own, which carry no node', async () => {
    const dedicated = makeSpec({ loadBalancers: 2 });
    const report = statusReport(dedicated, await healthyCluster(dedicated));
    await expect(`${renderStatus(report, PLAIN_THEME)}\n`).toMatchFileSnapshot('../../golden/status/balancers.txt');
  });

  it('looks for no virtual IP when the load balancer is external', async () => {
    const external = makeSpec({ overrides: { loadBalancer: { type: 'external' } } });
    const observed = { ...(await healthyCluster(external)), vipHolders: ['cp1'] };
    expect(statusReport(external, observed)).toMatchObject({ endpoint: { vipHolders: [] }, warnings: [] });
  });
});
