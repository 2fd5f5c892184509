import { contentDifferences, readContent } from '../backup/content.ts';
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import { waitFor } from '../core/wait.ts';
import { readEtcd } from '../etcd/etcdctl.ts';
import { etcdMachines } from '../spec/types.ts';
import { type Restoration, UNPROVED_MARK } from './restoration/restoration.ts';
import { type Phase, SERIAL_LANE } from './step.ts';
import type { Toolbox } from './toolbox.ts';

/** The members replay nothing and elect a leader: seconds; a gigabyte on a slow disk makes that a minute. */
const MEMBERS_DEADLINE_MS = 180_000;

/** Compares what the restored members hold with what the archive says, before any API server writes. */
export function proveData(restoration: Restoration): Phase {
  return {
    id: 'prove-data',
    title: 'Compare the restored data with the archive',
    plan: () => [
      {
        id: 'content',
        lane: SERIAL_LANE,
        title: `compare ${restoration.meta.keys} keys and their content hash`,
        why: 'a restore that lost something must not serve',
        run: (ctx, tools) => prove(ctx, tools, restoration),
      },
    ],
  };
}

async function prove(ctx: Context, tools: Toolbox, { meta }: Restoration): Promise<void> {
  const { spec } = tools.fleet;
  const carriers = etcdMachines(spec);
  const condition = `${carriers.length} restored members of etcd serve`;
  await waitFor(ctx, { condition, deadlineMs: MEMBERS_DEADLINE_MS, intervalMs: 300 }, async () => {
    const { members } = await readEtcd(
      ctx,
      carriers.map(({ name }) => tools.fleet.machine(name)),
    );
    const silent = members.filter(({ status }) => status === undefined || status.leaderId === '0');
    if (members.length < carriers.length) return `${members.length} of ${carriers.length} are members`;
    return silent.length === 0 ? true : `${silent.map(({ name, id }) => name || id).join(', ')}: no answer yet`;
  });
  const [first] = carriers;
  if (first === undefined) return;
  const found = await readContent(ctx, tools.fleet.machine(first.name));
  const differences = contentDifferences(meta, found);
  if (differences.length > 0) {
    throw new QuorateError(
      'RESTORE_UNPROVED',
      `the restored data is not what was backed up: ${differences.join('; ')}`,
      {
        data: { differences },
      },
    );
  }
  // From here on API servers write to it: what is there is worth keeping.
  for (const { name } of carriers) await tools.fleet.machine(name).exec(ctx, ['rm', '-f', UNPROVED_MARK]);
  ctx.emit('note', { text: `${found.keys} keys, content hash ${found.contentHash.slice(0, 12)}…: as in the archive` });
}
