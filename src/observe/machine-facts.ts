import * as z from 'zod';
import type { Context } from '../core/context.ts';
import type {
  BackupState,
  FileState,
  MachineFacts,
  RehearsalState,
  RenewalState,
  UnitState,
} from '../machines/facts.ts';
import type { Machine } from '../machines/machine.ts';
import { FACTS_SCRIPT, MANAGED_PATHS, OBSERVED_UNITS } from './facts-script.ts';

/** See BackupState. Other fields are the writer's own. */
const backupState: z.ZodType<BackupState> = z.object({
  lastAttempt: z.iso.datetime(),
  outcome: z.enum(['running', 'ok', 'failed']),
  lastSuccess: z.iso.datetime().exactOptional(),
  archive: z.string().exactOptional(),
  sizeBytes: z.number().exactOptional(),
  error: z.string().exactOptional(),
});

/** See RehearsalState. */
const rehearsalState: z.ZodType<RehearsalState> = z.object({
  at: z.iso.datetime(),
  outcome: z.enum(['ok', 'failed']),
  archive: z.string(),
  takenAt: z.iso.datetime().exactOptional(),
  restoreMs: z.number().exactOptional(),
  error: z.string().exactOptional(),
});

/** Bit of CAP_SYS_RESOURCE in a capability mask (linux/capability.h). */
const CAP_SYS_RESOURCE = 24n;
/** uname -m in Go's words. */
const GO_ARCH: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64' };

/** Reads a machine's facts in one command. Throws MACHINE_UNREACHABLE and what the command can throw. */
export async function readMachineFacts(ctx: Context, machine: Machine): Promise<MachineFacts> {
  const before = Date.now();
  const argv = ['sh', '-c', FACTS_SCRIPT, 'facts', ...MANAGED_PATHS, '--', ...OBSERVED_UNITS];
  const { stdout, durationMs } = await machine.exec(ctx, argv, { timeoutMs: 30_000 });
  return parseMachineFacts(stdout, machine.address, { fromMs: before, toMs: before + durationMs });
}

/** When the machine read its clock, by this host's: somewhere between the two, milliseconds since the Unix epoch. */
export interface ReadingTime {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Parses the script's records. */
export function parseMachineFacts(text: string, address: string, at: ReadingTime): MachineFacts {
  const records = recordsByKind(text);
  const of = (kind: string) => records.get(kind) ?? [];
  const facts = Object.fromEntries(of('fact').map(([name = '', value = '']) => [name, value]));
  const number = (name: string) => Number(facts[name] ?? 0);
  const addresses = of('address').map(([name = '', cidr = '']) => ({ name, ip: cidr.split('/')[0] ?? '' }));
  return {
    hostname: facts.hostname ?? '',
    os: { id: facts['os-id'] ?? '', versionId: facts['os-version'] ?? '', name: facts['os-name'] ?? '' },
    kernel: facts.kernel ?? '',
    arch: GO_ARCH[facts.arch ?? ''] ?? facts.arch ?? '',
    machineId: facts['machine-id'] ?? '',
    bootId: facts['boot-id'] ?? '',
    cpus: number('cpus'),
    memoryBytes: number('memory-kib') * 1024,
    diskFreeBytes: number('disk-free-kib') * 1024,
    cgroup: facts.cgroup === 'v2' ? 'v2' : 'v1',
    hasCapSysResource: ((BigInt(`0x${facts.capabilities || '0'}`) >> CAP_SYS_RESOURCE) & 1n) === 1n,
    nofileHard: facts.nofile === 'unlimited' ? 1_048_576 : number('nofile'),
    interface: addresses.find(({ ip }) => ip === address)?.name ?? '',
    addresses: addresses.map(({ ip }) => ip).filter((ip) => ip !== '127.0.0.1'),
    clockSkewMs: skewOf(number('now') / 1e6, at),
    swap: facts.swap === 'yes',
    files: parseFiles(of('stat'), of('sum')),
    units: parseUnits(of('unit').map(([line = '']) => line)),
    certificates: Object.fromEntries(of('pem').map(([path = '', data = '']) => [path, fromBase64(data)])),
    authorities: Object.fromEntries(of('authority').map(([path = '', data = '']) => [path, fromBase64(data)])),
    images: of('image').flatMap(([reference = '']) => (reference === '' ? [] : [reference])),
    binaries: JSON.parse(fromBase64(of('binaries')[0]?.[0] ?? '') || '{}') as MachineFacts['binaries'],
    backends: parseBackends(of('haproxy').map(([line = '']) => line)),
    packages: of('package').flatMap(([name = '', status]) => (status === 'installed' ? [name] : [])),
    ...(facts.cluster ? { cluster: facts.cluster } : {}),
    hasEtcdData: facts['etcd-data'] === 'yes',
    ...renewalOf(of('renewal')[0]?.[0]),
    running: of('running').map(([name = '']) => name),
    ...parseBackup(of('backup')),
    etcdFlags: Object.fromEntries(of('etcd').map(([name = '', value = '']) => [name, value])),
  };
}

/** What was written half, or by hand, is as good as nothing: the next attempt writes it anew. */
function parseBackup(records: string[][]): Pick<MachineFacts, 'backup' | 'rehearsal'> {
  const texts = new Map(records.map(([name = '', data = '']) => [name, fromBase64(data)]));
  const backup = backupState.safeParse(parseJson(texts.get('state')));
  const rehearsal = rehearsalState.safeParse(parseJson(texts.get('rehearsal')));
  return {
    ...(backup.success ? { backup: backup.data } : {}),
    ...(rehearsal.success ? { rehearsal: rehearsal.data } : {}),
  };
}

function parseJson(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A state that was cut short, by a full disk say, is none. */
function renewalOf(data: string | undefined): Pick<MachineFacts, 'renewal'> {
  if (data === undefined) return {};
  try {
    return { renewal: JSON.parse(fromBase64(data)) as RenewalState };
  } catch {
    return {};
  }
}

/** The fields of the records of each kind, in their order. */
function recordsByKind(text: string): ReadonlyMap<string, string[][]> {
  const records = new Map<string, string[][]>();
  for (const line of text.split('\n')) {
    const [kind = '', ...fields] = line.split('\t');
    const others = records.get(kind);
    if (others === undefined) records.set(kind, [fields]);
    else others.push(fields);
  }
  return records;
}

/** Only what lies outside the time that the reading may have taken is skew for certain. */
function skewOf(clockMs: number, { fromMs, toMs }: ReadingTime): number {
  if (clockMs < fromMs) return Math.round(clockMs - fromMs);
  return clockMs > toMs ? Math.round(clockMs - toMs) : 0;
}

function fromBase64(data: string): string {
  return Buffer.from(data, 'base64').toString();
}

function parseFiles(stats: string[][], sums: string[][]): Record<string, FileState> {
  const sha256 = new Map(sums.map(([sum = '', path = '']) => [path, sum]));
  const entries = stats.map(([mode = '0', mtime = '0', path = '']): [string, FileState] => [
    path,
    { sha256: sha256.get(path) ?? '', mode: Number.parseInt(mode, 8), mtimeMs: Math.round(Number(mtime) * 1000) },
  ]);
  return Object.fromEntries(entries);
}

/** `systemctl show` prints a block of Key=value lines per unit; Id may stand anywhere in it. */
function parseUnits(lines: readonly string[]): Record<string, UnitState> {
  const blocks = lines.join('\n').split(/\n\n+/);
  const units: Record<string, UnitState> = {};
  for (const block of blocks) {
    const lines = block.split('\n');
    const values = Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
    if (!values.Id) continue;
    units[values.Id] = {
      active: values.ActiveState === 'active',
      enabled: values.UnitFileState === 'enabled',
      activeSinceMs: Math.max(...lines.filter(hasStartTime).map(parseTimestamp)),
      state: values.ActiveState ?? 'unknown',
    };
  }
  return units;
}

/** A unit has read its configuration when it became active, and again at each reload (ExecReload: start_time=[…]). */
function hasStartTime(line: string): boolean {
  return line.startsWith('ActiveEnterTimestamp=') || line.startsWith('ExecReload=');
}

/** `Fri 2026-11-20 19:27:45.123456 UTC`, anywhere in the text, to milliseconds; 0 for an empty one. */
function parseTimestamp(text: string): number {
  const match = /(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?) UTC/.exec(text);
  return match ? Date.parse(`${match[1]}T${match[2]}Z`) : 0;
}

/** `show stat` is CSV with a header; the rows of servers (not FRONTEND or BACKEND) carry each one's status. */
function parseBackends(lines: readonly string[]): Record<string, string> {
  const header = (lines[0] ?? '').replace(/^# /, '').split(',');
  const name = header.indexOf('svname');
  const status = header.indexOf('status');
  const rows = lines.slice(1).map((line) => line.split(','));
  const servers = rows.filter((row) => row.length > status && !['FRONTEND', 'BACKEND'].includes(row[name] ?? ''));
  return Object.fromEntries(servers.map((row) => [row[name] ?? '', row[status] ?? '']));
}
