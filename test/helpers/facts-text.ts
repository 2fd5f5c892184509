// What the facts script (src/observe/facts-script.ts) prints on a machine with given facts: the way back from parsing.
import type { MachineFacts } from '../../src/machines/facts.ts';

/** Every record but `now`, which tells the clock at the moment of asking. */
export function factsText(facts: MachineFacts): string {
  const records = [
    ...Object.entries(plainFacts(facts)).map(([name, value]) => ['fact', name, value]),
    ...facts.running.map((name) => ['running', name]),
    ...Object.entries(facts.etcdFlags).map(([name, value]) => ['etcd', name, value]),
    ['address', 'lo', '127.0.0.1/8'],
    ...facts.addresses.map((address) => ['address', facts.interface, `${address}/24`]),
    ...Object.entries(facts.files).map(([path, { mode, mtimeMs }]) => [
      'stat',
      mode.toString(8),
      seconds(mtimeMs),
      path,
    ]),
    ...Object.entries(facts.files).map(([path, { sha256 }]) => ['sum', sha256, path]),
    ...unitLines(facts.units).map((line) => ['unit', line]),
    ...Object.entries(facts.certificates).map(([path, pem]) => ['pem', path, base64(pem)]),
    ...facts.images.map((reference) => ['image', reference]),
    ...backendLines(facts.backends).map((line) => ['haproxy', line]),
    ...facts.packages.map((name) => ['package', name, 'installed']),
    ...(facts.backup ? [['backup', 'state', base64(JSON.stringify(facts.backup))]] : []),
    ...(facts.rehearsal ? [['backup', 'rehearsal', base64(JSON.stringify(facts.rehearsal))]] : []),
    ...(facts.renewal ? [['renewal', base64(JSON.stringify(facts.renewal))]] : []),
    ['binaries', base64(JSON.stringify(facts.binaries))],
  ];
  return `${records.map((record) => record.join('\t')).join('\n')}\n`;
}

/** The record that the script prints first. `atMs` is milliseconds since the Unix epoch. */
export function clockText(atMs: number): string {
  return `fact\tnow\t${atMs}000000\n`;
}

function plainFacts(facts: MachineFacts): Record<string, string | number> {
  return {
    hostname: facts.hostname,
    kernel: facts.kernel,
    arch: facts.arch === 'amd64' ? 'x86_64' : 'aarch64',
    'machine-id': facts.machineId,
    'boot-id': facts.bootId,
    cpus: facts.cpus,
    'memory-kib': facts.memoryBytes / 1024,
    // Bit 24 is CAP_SYS_RESOURCE.
    capabilities: facts.hasCapSysResource ? '000001ffffffffff' : '000001fffeffffff',
    nofile: facts.nofileHard,
    cgroup: facts.cgroup,
    ...(facts.swap ? { swap: 'yes' } : {}),
    ...(facts.hasEtcdData ? { 'etcd-data': 'yes' } : {}),
    'os-id': facts.os.id,
    'os-version': facts.os.versionId,
    'os-name': facts.os.name,
    'disk-free-kib': facts.diskFreeBytes / 1024,
  };
}

/** As find(1) prints %T@. */
function seconds(ms: number): string {
  return (ms / 1000).toFixed(10);
}

/** As `systemctl show` prints them: a block a unit, an empty line between blocks. */
function unitLines(units: MachineFacts['units']): string[] {
  const blocks = Object.entries(units).map(([id, { state, enabled, activeSinceMs }]) => [
    `Id=${id}`,
    `ActiveState=${state}`,
    `UnitFileState=${enabled ? 'enabled' : 'disabled'}`,
    `ActiveEnterTimestamp=${activeSinceMs === 0 ? '' : timestamp(activeSinceMs)}`,
  ]);
  return blocks.flatMap((block, index) => (index === 0 ? block : ['', ...block]));
}

/** systemd's form with --timestamp=us+utc: `Fri 2026-11-20 19:27:45.123000 UTC`. */
function timestamp(ms: number): string {
  const date = new Date(ms);
  const [day = '', time = ''] = date.toISOString().slice(0, -1).split('T');
  return `${date.toUTCString().slice(0, 3)} ${day} ${time}000 UTC`;
}

function backendLines(backends: MachineFacts['backends']): string[] {
  const rows = Object.entries(backends).map(([name, status]) => `apiservers,${name},${status}`);
  return rows.length === 0 ? [] : ['# pxname,svname,status', 'apiservers,FRONTEND,OPEN', ...rows];
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
