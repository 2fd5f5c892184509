import type { Context } from '../../core/context.ts';
import { HOST_TOOLS, type HostTool } from '../../machines/local/probes.ts';
import { failed, type HostCheck, type HostQuestion, ok } from './types.ts';

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

async function findTools(_ctx: Context, { host }: HostQuestion, tools: readonly HostTool[]) {
  const found = await Promise.all(tools.map(async (entry) => ({ ...entry, path: await host.which(entry.tool) })));
  const missing = found.filter(({ path }) => path === undefined);
  if (missing.length === 0) return ok(found.map(({ tool }) => tool).join(', '));
  const packages = [...new Set(missing.map((entry) => entry.package))].join(' ');
  const names = missing.map(({ tool }) => tool).join(', ');
  return failed(`not installed: ${names}`, `apt-get update && apt-get install -y ${packages}`);
}
