import type { Context } from '../../core/context.ts';
import { HOST_TOOLS, type HostTool } from '../../machines/local/probes.ts';
import { failed, type HostCheck, type HostQuestion, ok, warning } from './types.ts';

/** Everything that making machines runs on this host. */
export const localToolsCheck: HostCheck = {
  id: 'local-tools',
  title: 'the programs that make machines are installed',
  onlyLocal: true,
  run: (ctx, question) => findTools(ctx, question, HOST_TOOLS),
};

/** Machines of others are reached by OpenSSH. */
export const sshToolsCheck: HostCheck = {
  id: 'ssh-tools',
  title: 'OpenSSH is installed',
  run: async (ctx, question) => {
    if (!question.spec.machines.some((machine) => machine.driver === 'ssh'))
      return ok('no machine is reached over SSH');
    return findTools(ctx, question, [{ tool: 'ssh', package: 'openssh-client' }]);
  },
};

/** Backups are opened on the operator's host: not before something has happened, and then it is late to install programs. */
export const backupToolsCheck: HostCheck = {
  id: 'backup-tools',
  title: 'the programs that open backups are installed',
  run: async (ctx, question) => {
    const bucket = question.spec.etcd.snapshots.s3 === undefined ? [] : [{ tool: 'rclone', package: 'rclone' }];
    const { evidence, fix } = await findTools(ctx, question, [{ tool: 'age', package: 'age' }, ...bucket]);
    return fix === undefined ? ok(evidence) : warning(`${evidence}; a backup could not be opened here`, fix);
  },
};

async function findTools(_ctx: Context, { host }: HostQuestion, tools: readonly HostTool[]) {
  const found = await Promise.all(tools.map(async (entry) => ({ ...entry, path: await host.which(entry.tool) })));
  const missing = found.filter(({ path }) => path === undefined);
  if (missing.length === 0) return ok(found.map(({ tool }) => tool).join(', '));
  const packages = [...new Set(missing.map((entry) => entry.package))].join(' ');
  const names = missing.map(({ tool }) => tool).join(', ');
  return failed(`not installed: ${names}`, `apt-get update && apt-get install -y ${packages}`);
}
