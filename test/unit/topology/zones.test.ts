import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { demoSpec } from '../../../src/spec/init.ts';
import type { ClusterSpec } from '../../../src/spec/types.ts';
import { zoneReport } from '../../../src/topology/zones.ts';

/** The demo with the given zones for its control planes; the workers keep a and b. */
function withZones(zones: readonly (string | undefined)[]): ClusterSpec {
  const demo = demoSpec({ controlPlanes: zones.length % 2 === 0 ? zones.length + 1 : zones.length });
  let index = -1;
  const machines = demo.machines.flatMap((machine) => {
    if (machine.role !== 'control-plane') return [machine];
    index += 1;
    if (index >= zones.length) return [];
    const { zone: _, ...rest } = machine;
    const zone = zones[index];
    return [zone === undefined ? rest : { ...rest, zone }];
  });
  return { ...demo, machines };
}

describe('zoneReport', () => {
  it('of the demo: any one zone may be lost', () => {
    const report = zoneReport(demoSpec());
    expect(report).toMatchObject({ voters: 3, quorum: 2, unzoned: [], survivesAnyZone: true });
    expect(report.zones[0]).toEqual({
      zone: 'a',
      controlPlanes: ['cp1'],
      workers: ['worker1'],
      votersAfter: 2,
      survives: true,
      toleranceLeft: 0,
      reason: 'losing zone a takes 1 of 3 voters (cp1): 2 remain, tolerance left 0',
    });
  });

  it('of two zones: one of them holds the quorum', () => {
    const report = zoneReport(withZones(['a', 'a', 'b']));
    expect(report.survivesAnyZone).toBe(false);
    expect(report.zones.map(({ zone, survives }) => [zone, survives])).toEqual([
      ['a', false],
      ['b', true],
    ]);
    expect(report.zones[0]?.reason).toBe('losing zone a takes 2 of 3 voters (cp1, cp2): 1 remain, below quorum 2');
  });

  it('promises nothing about control planes without a zone', () => {
    const report = zoneReport(withZones([undefined, undefined, undefined]));
    expect(report.survivesAnyZone).toBe(false);
    expect(report.unzoned).toEqual(['cp1', 'cp2', 'cp3']);
    expect(report.zones[0]).toMatchObject({ zone: 'a', controlPlanes: [], survives: true });
  });

  it('survival is a majority of all voters outside the zone; no two zones can both hold a majority', () => {
    const zones = fc.array(fc.option(fc.constantFrom('a', 'b', 'c', 'd'), { nil: undefined }), {
      minLength: 1,
      maxLength: 7,
    });
    fc.assert(
      fc.property(zones, (list) => {
        const report = zoneReport(withZones(list));
        for (const { zone, survives } of report.zones) {
          const outside = list.filter((other) => other !== zone).length;
          expect(survives).toBe(outside * 2 > list.length);
        }
        const heldByZones = report.zones.reduce((sum, { controlPlanes }) => sum + controlPlanes.length, 0);
        expect(heldByZones).toBe(list.filter((zone) => zone !== undefined).length);
      }),
    );
  });
});
