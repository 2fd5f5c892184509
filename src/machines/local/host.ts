// This host's side of a cluster with local machines: tools, kernel settings, network, images; and its undoing.
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { runCommand } from '../../core/command.ts';
import type { Context } from '../../core/context.ts';
import { QuorateError } from '../../core/errors.ts';
import { withLock } from '../../core/lock.ts';
import { runtimeDir } from '../../core/paths.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import { removeClusterGroups } from './cgroups.ts';
import { removeTree } from './disk.ts';
import { readHostFacts } from './host-facts.ts';
import { bridgeName, clusterDir } from './layout.ts';
import { ensureNetwork, interfaceNames, isNetworkReady, refuseClash, removeNetwork } from './network.ts';
import { isRoot, missingTools } from './probes.ts';
import {
  type LocalClusterRecord,
  listLocalClusters,
  listMachineDirs,
  readClusterRecord,
  readMachineRecord,
  writeClusterRecord,
} from './records.ts';
import { cachedBaseImage } from './rootfs.ts';
import { lowSysctls, raiseSysctls, restoreSysctls } from './sysctls.ts';

/** Kernel modules that nodes need and that machines cannot load themselves; on many kernels they are built in. */
const MODULES: readonly string[] = ['overlay', 'bridge', 'veth', 'vxlan', 'nf_tables', 'nf_conntrack', 'nf_nat'];

/** Throws NOT_ROOT, or HOST_TOOL_MISSING with the command that installs what is missing. */
export async function requireFitHost(): Promise<void> {
  if (!isRoot())
    throw new QuorateError('NOT_ROOT', 'local machines need root: they are containers with networks of their own');
  const missing = await missingTools();
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((tool) => tool.package))].join(' ');
  throw new QuorateError(
    'HOST_TOOL_MISSING',
    `not installed on this host: ${missing.map(({ tool }) => tool).join(', ')}`,
    {
      hint: `install it with: apt-get install ${packages}`,
      data: { missing },
    },
  );
}

/** One process at a time changes this host. */
function withHostLock<T>(ctx: Context, work: () => Promise<T>): Promise<T> {
  return withLock(ctx, join(runtimeDir(), 'host.lock'), "this host's network and kernel settings", work);
}

/** Record, kernel settings and network of a cluster. Idempotent. A refused cluster leaves nothing. */
export async function setUpHost(ctx: Context, spec: ClusterSpec): Promise<LocalClusterRecord> {
  return withHostLock(ctx, async () => {
    const earlier = await readClusterRecord(spec.name);
    const bridge = earlier?.bridge ?? (await newBridgeName(ctx, spec));
    const record: LocalClusterRecord = { spec, bridge, createdMs: earlier?.createdMs ?? Date.now() };
    if (earlier === undefined || !isSameSpec(earlier.spec, spec)) await writeClusterRecord(record);
    await loadModules(ctx);
    await raiseSysctls();
    await ensureNetwork(ctx, spec, bridge);
    return record;
  });
}

async function newBridgeName(ctx: Context, spec: ClusterSpec): Promise<string> {
  const bridge = bridgeName(
    spec.name,
    new Set([...(await interfaceNames()), ...(await listLocalClusters()).map((cluster) => cluster.bridge)]),
  );
  await refuseClash(ctx, spec, bridge);
  return bridge;
}

async function loadModules(ctx: Context): Promise<void> {
  // One that is built in, or that the kernel lacks, is no failure here: doctor looks at what works.
  for (const module of MODULES)
    await runCommand(ctx, ['modprobe', '--quiet', module], { allowFailure: true }).catch(() => {});
}

/** True when setUpHost and the images need nothing. */
export async function isHostSetUp(ctx: Context, spec: ClusterSpec): Promise<boolean> {
  const record = await readClusterRecord(spec.name);
  if (record === undefined || !isSameSpec(record.spec, spec)) return false;
  if (!isRoot() || (await lowSysctls()).length > 0 || (await cachedBaseImage()) === undefined) return false;
  return isNetworkReady(ctx, spec, record.bridge);
}

/** The file that a specification came from is no part of what it says. */
function isSameSpec(a: ClusterSpec, b: ClusterSpec): boolean {
  const plain = ({ file: _file, ...rest }: ClusterSpec): unknown => JSON.parse(JSON.stringify(rest));
  return isDeepStrictEqual(plain(a), plain(b));
}

/** Undoes setUpHost unless a machine of the cluster is left. Kernel settings go back with the last cluster. Idempotent. */
export async function tearDownHost(ctx: Context, cluster: string): Promise<void> {
  const directories = await listMachineDirs(cluster);
  const records = await Promise.all(directories.map((name) => readMachineRecord(cluster, name)));
  if (records.some((record) => record !== undefined)) return;
  await withHostLock(ctx, async () => {
    const record = await readClusterRecord(cluster);
    if (record !== undefined) await removeNetwork(ctx, record.bridge);
    await removeClusterGroups(await readHostFacts(), cluster);
    await removeTree(ctx, clusterDir(cluster));
    if ((await listLocalClusters()).length === 0) await restoreSysctls();
  });
}
