import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FACTS_SCRIPT, MANAGED_PATHS, OBSERVED_UNITS } from '../../../src/observe/facts-script.ts';
import { parseMachineFacts } from '../../../src/observe/machine-facts.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const RECORDS = [
  'fact\tnow\t1000250000000',
  'fact\thostname\tcp1',
  'fact\tarch\tx86_64',
  'fact\tmemory-kib\t1024',
  'fact\tcapabilities\t000001fffeffffff',
  'fact\tnofile\t20000',
  'fact\tcgroup\tv1',
  'fact\tetcd-data\tyes',
  'address\tlo\t127.0.0.1/8',
  'address\thost0\t10.87.0.11/24',
  'address\thost0\t10.87.0.10/32',
  'stat\t600\t1700000000.5000000000\t/etc/kubernetes/pki/ca.key',
  'sum\tabc123\t/etc/kubernetes/pki/ca.key',
  'unit\tId=kubelet.service',
  'unit\tActiveState=active',
  'unit\tUnitFileState=enabled',
  'unit\tActiveEnterTimestamp=Fri 2026-11-20 19:27:45.123456 UTC',
  'unit\t',
  'unit\tId=haproxy.service',
  'unit\tActiveState=inactive',
  'unit\tUnitFileState=disabled',
  'unit\tActiveEnterTimestamp=',
  'unit\t',
  'unit\tId=keepalived.service',
  'unit\tExecReload={ path=/bin/kill ; start_time=[Fri 2026-11-20 20:00:00.5 UTC] ; stop_time=[n/a] }',
  'unit\tActiveEnterTimestamp=Fri 2026-11-20 19:27:45.123456 UTC',
  `pem\t/etc/kubernetes/pki/ca.crt\t${base64('PEM')}`,
  'image\tregistry.k8s.io/pause:3.10.2',
  'package\tsocat\tinstalled',
  'package\thaproxy\tconfig-files',
  'haproxy\t# pxname,svname,status',
  'haproxy\tapi,FRONTEND,OPEN',
  'haproxy\tapi,cp1,UP',
  'haproxy\tapi,cp2,DOWN',
  `binaries\t${base64('{"/usr/local/bin/kubelet":{"version":"v1.36.3","sha256":"ff"}}')}`,
].join('\n');

describe('what a machine says of its backups', () => {
  const parse = (...records: [string, string][]) => {
    const lines = records.map(([name, text]) => `backup\t${name}\t${base64(text)}`);
    const { backup, rehearsal } = parseMachineFacts([RECORDS, ...lines].join('\n'), '10.87.0.11', {
      fromMs: 0,
      toMs: 0,
    });
    return { backup, rehearsal };
  };
  const state = { lastAttempt: '2026-11-21T11:45:00Z', outcome: 'failed', error: 'disk full' };
  const rehearsal = { at: '2026-11-21T12:00:00Z', outcome: 'ok', archive: 'demo.tar.age', restoreMs: 41000 };

  it('is read, and what the script keeps there for itself is not', () => {
    const text = JSON.stringify({ ...state, durationSeconds: 4 });
    expect(parse(['state', text], ['rehearsal', JSON.stringify(rehearsal)])).toEqual({ backup: state, rehearsal });
    expect(parse()).toEqual({ backup: undefined, rehearsal: undefined });
  });

  it.each(['', '{"lastAttempt": "2026-', '[]', 'null', '{"lastAttempt":"yesterday","outcome":"ok"}'])(
    'is nothing when it is %j',
    (text) => {
      expect(parse(['state', text], ['rehearsal', text])).toEqual({ backup: undefined, rehearsal: undefined });
    },
  );
});

describe('machine facts', () => {
  const facts = parseMachineFacts(RECORDS, '10.87.0.11', { fromMs: 1_000_100, toMs: 1_000_200 });

  it('reads what the machine is', () => {
    expect(facts).toMatchObject({
      hostname: 'cp1',
      arch: 'amd64',
      memoryBytes: 1_048_576,
      cgroup: 'v1',
      hasEtcdData: true,
    });
  });

  it('finds the interface of the address and the virtual IP beside it', () => {
    expect(facts.interface).toBe('host0');
    expect(facts.addresses).toEqual(['10.87.0.11', '10.87.0.10']);
  });

  it('sees that CAP_SYS_RESOURCE is missing', () => {
    expect(facts.hasCapSysResource).toBe(false);
    const full = parseMachineFacts('fact\tcapabilities\t000001ffffffffff', '', { fromMs: 0, toMs: 0 });
    expect(full.hasCapSysResource).toBe(true);
  });

  it('measures the clock against this host', () => {
    expect(facts.clockSkewMs).toBe(50);
    const early = parseMachineFacts(RECORDS, '', { fromMs: 1_000_300, toMs: 1_000_400 });
    expect(early.clockSkewMs).toBe(-50);
  });

  it('calls nothing skew that the time of the reading explains', () => {
    expect(parseMachineFacts(RECORDS, '', { fromMs: 1_000_000, toMs: 1_000_400 }).clockSkewMs).toBe(0);
  });

  it('reads files, units, certificates, images, binaries and backends', () => {
    expect(facts.files['/etc/kubernetes/pki/ca.key']).toEqual({
      sha256: 'abc123',
      mode: 0o600,
      mtimeMs: 1_700_000_000_500,
    });
    expect(facts.units['kubelet.service']).toMatchObject({ active: true, enabled: true });
    expect(facts.units['kubelet.service']?.activeSinceMs).toBe(Date.parse('2026-11-20T19:27:45.123Z'));
    expect(facts.units['haproxy.service']).toMatchObject({ active: false, enabled: false, activeSinceMs: 0 });
    expect(facts.units['keepalived.service']?.activeSinceMs).toBe(Date.parse('2026-11-20T20:00:00.500Z'));
    expect(facts.certificates).toEqual({ '/etc/kubernetes/pki/ca.crt': 'PEM' });
    expect(facts.images).toEqual(['registry.k8s.io/pause:3.10.2']);
    expect(facts.packages).toEqual(['socat']);
    expect(facts.binaries['/usr/local/bin/kubelet']?.version).toBe('v1.36.3');
    expect(facts.backends).toEqual({ cp1: 'UP', cp2: 'DOWN' });
  });

  it('comes from a script that runs on any Linux host', () => {
    const argv = ['-c', FACTS_SCRIPT, 'facts', ...MANAGED_PATHS, '--', ...OBSERVED_UNITS];
    const fromMs = Date.now();
    const text = execFileSync('sh', argv, { encoding: 'utf8' });
    const real = parseMachineFacts(text, '127.0.0.1', { fromMs, toMs: Date.now() });
    expect(real.cpus).toBeGreaterThan(0);
    expect(real.memoryBytes).toBeGreaterThan(0);
    expect(real.diskFreeBytes).toBeGreaterThan(0);
    expect(real.clockSkewMs).toBe(0);
    if (existsSync('/usr/bin/dpkg-query')) expect(real.packages).toContain('util-linux');
  });
});
