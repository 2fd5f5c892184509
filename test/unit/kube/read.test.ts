import { describe, expect, it } from 'vitest';
import { silentContext } from '../../../src/core/context.ts';
import { readKube } from '../../../src/kube/read.ts';
import { healthyApi } from '../../helpers/healthy-api.ts';
import { startApi } from '../../helpers/kube-server.ts';
import { healthyFleet } from '../../helpers/observed.ts';
import { makeSpec } from '../../helpers/spec.ts';

const spec = makeSpec();
const { observed, material } = await healthyFleet(spec, Date.now());
const kube = observed.kube;
if (kube === undefined) throw new Error('a healthy cluster has an API');
const answer = healthyApi(spec, kube, material.authorities.ca.certificate);

describe('readKube', () => {
  it('sees nodes, static pods, add-ons and the record as the API holds them', async () => {
    const api = await startApi(silentContext(), answer);
    try {
      const seen = await readKube(api.kube);
      expect(seen.staticPods).toEqual(kube.staticPods);
      expect(seen.addons).toEqual(kube.addons);
      expect(seen.record).toEqual(kube.record);
      expect(seen.clusterConfiguration).toBe(kube.clusterConfiguration);
      expect(seen.nodes.map(({ name, ready, labels }) => ({ name, ready, labels }))).toEqual(
        kube.nodes.map(({ name, labels }) => ({ name, ready: true, labels })),
      );
      expect(Object.keys(seen.leases)).toEqual(Object.keys(kube.leases));
      expect(seen.dnsNodes).toHaveLength(2);
    } finally {
      await api.close();
    }
  });

  it('asks for the pods of DNS and control planes only, because kube-system has others on every node', async () => {
    const api = await startApi(silentContext(), answer);
    try {
      await readKube(api.kube);
      const pods = api.requests.filter(({ path }) => path.endsWith('/pods'));
      expect(pods.map(({ query }) => query.get('labelSelector')).sort()).toEqual([
        'k8s-app=kube-dns',
        'tier=control-plane',
      ]);
    } finally {
      await api.close();
    }
  });
});
