// Writing a cluster.yaml for somebody who has none yet.
import { writeFile } from 'node:fs/promises';
import { readRoutes } from '../checks/host/addresses.ts';
import { thisHost } from '../checks/host/index.ts';
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import { listLocalClusters } from '../machines/local/records.ts';
import { freeSubnet, type InitOptions, renderClusterYaml } from '../spec/init.ts';

/** What to write, and where. */
export interface WriteClusterOptions extends InitOptions {
  /** Absent: the text is returned only. */
  readonly file?: string;
  /** true: an existing file is replaced. */
  readonly force: boolean;
}

/** What was written. */
export interface WrittenCluster {
  readonly file?: string;
  readonly content: string;
}

/** Renders a cluster.yaml and writes it. Throws FILE_EXISTS, USAGE, NETWORK_CLASH. */
export async function writeClusterFile(ctx: Context, options: WriteClusterOptions): Promise<WrittenCluster> {
  const { file, force, ...choices } = options;
  const subnet = choices.driver === 'ssh' ? choices.subnet : (choices.subnet ?? freeSubnet(await usedNetworks(ctx)));
  const content = renderClusterYaml({ ...choices, ...(subnet === undefined ? {} : { subnet }) });
  if (file === undefined) return { content };
  try {
    await writeFile(file, content, { flag: force ? 'w' : 'wx' });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    throw new QuorateError('FILE_EXISTS', `${file} exists already`, {
      hint: 'pass --force to replace it, or -f FILE to write another',
      data: { file },
      cause,
    });
  }
  return { file, content };
}

/** Networks that this host has a route to, and those of its clusters that are down at the moment. */
async function usedNetworks(ctx: Context): Promise<string[]> {
  const routes = (await readRoutes(ctx, thisHost())) ?? [];
  const clusters = await listLocalClusters();
  return [
    ...routes.map(({ destination }) => destination),
    ...clusters.flatMap(({ spec }) => (spec.machineNetwork === undefined ? [] : [spec.machineNetwork.subnet])),
  ];
}
