// What this host remembers of clusters and machines, as small JSON files that are replaced atomically.
import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { QuorateError } from '../../core/errors.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import { clusterDir, clustersDir, machineLayout } from './layout.ts';

/** A cluster with machines on this host: cluster.json in its directory. What the cluster itself remembers is another record. */
export interface LocalClusterRecord {
  /** Whole resolved specification: `machine start` works without cluster.yaml. */
  readonly spec: ClusterSpec;
  /** Name of the cluster's bridge on this host. */
  readonly bridge: string;
  /** Milliseconds since the Unix epoch. */
  readonly createdMs: number;
}

/** A machine of this host: the file `record` of its layout (layout.ts). */
export interface MachineRecord {
  readonly cluster: string;
  readonly name: string;
  /** Operating system image (layout.ts rootfsDir) that its disk is a layer over. */
  readonly rootfs: string;
  /** Node image that it was made with and stays with; absent for a bare machine. */
  readonly image?: string;
  /** Milliseconds since the Unix epoch. */
  readonly createdMs: number;
}

const clusterFile = (cluster: string) => join(clusterDir(cluster), 'cluster.json');

/** What this host remembers of a cluster; undefined where it has none of that name. Throws MACHINE_FAILED for a broken file. */
export async function readClusterRecord(cluster: string): Promise<LocalClusterRecord | undefined> {
  return (await readJson(clusterFile(cluster))) as LocalClusterRecord | undefined;
}

/** Mode 0600: a specification names hosts and key files. */
export async function writeClusterRecord(record: LocalClusterRecord): Promise<void> {
  await mkdir(join(clusterDir(record.spec.name), 'machines'), { recursive: true, mode: 0o700 });
  await writeAtomic(clusterFile(record.spec.name), `${JSON.stringify(record, null, 2)}\n`, 0o600);
}

/** What this host remembers of a machine; undefined before it is made. Throws MACHINE_FAILED for a broken file. */
export async function readMachineRecord(cluster: string, machine: string): Promise<MachineRecord | undefined> {
  return (await readJson(machineLayout(cluster, machine).record)) as MachineRecord | undefined;
}

/** Replaces the record atomically, mode 0600; the machine's directory has to exist. */
export async function writeMachineRecord(record: MachineRecord): Promise<void> {
  const path = machineLayout(record.cluster, record.name).record;
  await writeAtomic(path, `${JSON.stringify(record, null, 2)}\n`, 0o600);
}

/** Every cluster with local machines on this host, by name. A directory without a record (a crash) is left out. */
export async function listLocalClusters(): Promise<readonly LocalClusterRecord[]> {
  const names = await readdirOrEmpty(clustersDir());
  const records = await Promise.all(names.sort().map(readClusterRecord));
  return records.filter((record) => record !== undefined);
}

/** Names of the machines that have anything on this host, half-made ones included; no name of a machine has a dot. */
export async function listMachineDirs(cluster: string): Promise<readonly string[]> {
  return (await readdirOrEmpty(join(clusterDir(cluster), 'machines'))).filter((name) => !name.includes('.')).sort();
}

/** Writes beside, syncs, renames: a reader sees the old or the new content, after a power cut too. */
export async function writeAtomic(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  const temporary = join(dirname(path), `.quorate-${randomBytes(6).toString('hex')}`);
  try {
    const file = await open(temporary, 'wx', mode);
    try {
      await file.writeFile(content);
      await file.chmod(mode);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** A text file's content, or undefined where there is none. */
export async function readTextOrUndefined(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    // ESRCH: a file of /proc whose process has just ended.
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ESRCH') return undefined;
    throw error;
  }
}

/** A directory's entries; none where it does not exist. */
export async function readdirOrEmpty(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENODEV') return [];
    throw error;
  }
}

async function readJson(path: string): Promise<unknown> {
  const text = await readTextOrUndefined(path);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new QuorateError('MACHINE_FAILED', `${path} is not valid JSON`, {
      hint: `restore it, or remove the cluster with: quorate down`,
      cause,
    });
  }
}
