// The last scenario: `down` takes everything away again.
import { describe, expect, inject, it } from 'vitest';
import { CLUSTER, CLUSTER_FILE, mustRun } from './support/cli.ts';
import { clustersOnHost, kernelSettings, traces } from './support/host-state.ts';

describe.skipIf(process.env.QUORATE_E2E_KEEP !== undefined)('down', () => {
  it('leaves nothing on this host, and does nothing when run again', async () => {
    expect(await traces(CLUSTER)).not.toEqual([]);
    await mustRun(['down', '--yes', '-f', CLUSTER_FILE]);
    expect(await traces(CLUSTER)).toEqual([]);
    // With another cluster on this host, before or now, the kernel settings were or stay raised.
    if (inject('clustersBefore').length + (await clustersOnHost()).length === 0)
      expect(await kernelSettings()).toBe(inject('settingsBefore'));
    const again = JSON.parse((await mustRun(['down', '--yes', '-f', CLUSTER_FILE, '-o', 'json'])).stdout) as object;
    expect(again).toMatchObject({ kind: 'Down', destroyed: [] });
  });
});
