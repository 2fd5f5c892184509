import type { Context } from '../../core/context.ts';
import { failed, type HostCheck, type HostQuestion, ok } from './types.ts';

/** A program and the Debian package that brings it. */
interface Tool {
  readonly program: string;
  readonly package: string;
}

const LOCAL_TOOLS: readonly Tool[] = [
  { program: 'systemd-nspawn', package: 'systemd-container' },
  { program: 'mmdebstrap', package: 'mmdebstrap' },
  { program: 'nft', package: 'nftables' },
  { program: 'ip', package: 'iproute2' },
  { program: 'nsenter', package: 'util-linux' },
  { program: 'mount', package: 'mount' },
  { program: 'tar', package: 'tar' },
];

/** Everything that making machines runs on this host. */
export const localToolsCheck: HostCheck = {
  id: 'tools',
  title: 'the programs that make machines are installed',
  onlyLocal: true,
  run: (ctx, question) => findTools(ctx, question, LOCAL_TOOLS),
};

/** Machines of others are reached by OpenSSH. */
export const sshToolsCheck: HostCheck = {
  id: 'ssh-tools',
  title: 'OpenSSH is installed',
  run: async (ctx, question) => {
    if (!question.spec.machines.some((machine) => machine.driver === 'ssh'))
      return ok('no machine is reached over SSH');
    return findTools(ctx, question, [{ program: 'ssh', package: 'openssh-client' }]);
  },
};

async function findTools(_ctx: Context, { host }: HostQuestion, tools: readonly Tool[]) {
  const found = await Promise.all(tools.map(async (tool) => ({ ...tool, path: await host.which(tool.program) })));
  const missing = found.filter(({ path }) => path === undefined);
  if (missing.length === 0) return ok(found.map(({ program }) => program).join(', '));
  const packages = [...new Set(missing.map((tool) => tool.package))].join(' ');
  const names = missing.map(({ program }) => program).join(', ');
  return failed(`not installed: ${names}`, `apt-get update && apt-get install -y ${packages}`);
}
