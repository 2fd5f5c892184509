// What a new encryption key asks for beside its file: API servers that have read it, Secrets written with it, and the proof in etcd.
import { createHash } from 'node:crypto';
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import { waitFor } from '../core/wait.ts';
import { countByEncryption } from '../etcd/raw-prefixes.ts';
import { rewriteSecrets } from '../kube/rewrite-secrets.ts';
import { API_SERVER_PORT, ENCRYPTION_CONFIG_PATH } from '../pki/names.ts';
import { controlPlanes, etcdMachines, type MachineSpec } from '../spec/types.ts';
import type { Phase } from './step.ts';
import type { Toolbox } from './toolbox.ts';

/** API servers look at the file once a minute (k8s.io/apiserver encryptionconfig/controller, EncryptionConfigFileChangePollDuration). */
const RELOAD_DEADLINE_MS = 180_000;
const SECRETS = '/registry/secrets/';

/** Waits until every API server works with the configuration that lies on the machines: `content`. */
export function awaitEncryptionConfig(content: string): Phase {
  return {
    id: 'await-encryption-config',
    title: 'Wait until every API server has read it',
    plan: (spec) =>
      controlPlanes(spec).map((machine) => ({
        id: `${machine.name}/encryption-config`,
        lane: machine.name,
        machine: machine.name,
        title: `see that its API server works with ${ENCRYPTION_CONFIG_PATH} as it is now`,
        why: 'API servers look at it once a minute',
        run: (ctx, tools) => awaitLoaded(ctx, tools, machine, content),
      })),
  };
}

/** Its /metrics name the digest of what it has loaded, the machine's own kubectl asks for them. */
async function awaitLoaded(ctx: Context, tools: Toolbox, machine: MachineSpec, content: string): Promise<void> {
  const wanted = `sha256:${createHash('sha256').update(content).digest('hex')}`;
  const server = `https://${machine.address}:${API_SERVER_PORT}`;
  const script =
    'kubectl --kubeconfig=/etc/kubernetes/super-admin.conf --server="$1" --request-timeout=10s get --raw /metrics | grep ^apiserver_encryption_config_controller_last_config_info';
  const condition = `the API server of ${machine.name} works with the new ${ENCRYPTION_CONFIG_PATH}`;
  await waitFor(ctx, { condition, deadlineMs: RELOAD_DEADLINE_MS, intervalMs: 3_000 }, async () => {
    const host = tools.fleet.machine(machine.name);
    const { stdout, stderr, exitCode } = await host.exec(ctx, ['sh', '-c', script, 'metrics', server], {
      allowFailure: true,
      timeoutMs: 20_000,
    });
    if (exitCode !== 0) return `it does not say: ${stderr.trim().slice(0, 200)}`;
    return stdout.includes(`hash="${wanted}"`) ? true : 'it still works with the one before';
  });
}

/** Writes every Secret again. */
export const rewriteAllSecrets: Phase = {
  id: 'rewrite-secrets',
  title: 'Write every Secret again',
  plan: () => [
    {
      id: 'secrets',
      lane: 'secrets',
      title: 'write every Secret again as it is',
      why: 'what was stored before is encrypted with the old key',
      run: async (ctx, tools) => {
        const count = await rewriteSecrets(ctx, () => tools.kube(ctx));
        ctx.emit('note', { text: `${count} Secrets were written again` });
      },
    },
  ],
};

/** Looks at the raw bytes in etcd: every Secret has to be encrypted with the key of this name. */
export function verifyEncryption(keyName: string): Phase {
  return {
    id: 'verify-encryption',
    title: "Look at etcd's raw bytes",
    plan: () => [
      {
        id: 'raw-bytes',
        lane: 'secrets',
        title: `see that every value below ${SECRETS} begins with ${markOf(keyName)}`,
        why: 'the old key must be of no use before it goes',
        run: (ctx, tools) => requireEncrypted(ctx, tools, keyName),
      },
    ],
  };
}

function markOf(keyName: string): string {
  return `k8s:enc:secretbox:v1:${keyName}:`;
}

async function requireEncrypted(ctx: Context, tools: Toolbox, keyName: string): Promise<void> {
  const counts = await countSecrets(ctx, tools);
  const found = [...counts].map(([mark, count]) => `${count} × ${mark}`).join(', ') || 'no Secrets at all';
  const others = [...counts.keys()].filter((mark) => mark !== markOf(keyName));
  if (others.length === 0) {
    ctx.emit('note', { text: `in etcd below ${SECRETS}: ${found}` });
    return;
  }
  throw new QuorateError(
    'ROTATION_REFUSED',
    `in etcd below ${SECRETS} not everything is encrypted with ${keyName}: ${found}`,
    {
      hint: 'run the same command again: it writes them again',
      data: { counts: Object.fromEntries(counts) },
    },
  );
}

/** How Secrets lie in etcd, by what their values begin with. Asks the machines that carry etcd until one answers. */
export async function countSecrets(ctx: Context, tools: Pick<Toolbox, 'fleet'>): Promise<ReadonlyMap<string, number>> {
  const reasons: unknown[] = [];
  for (const { name } of etcdMachines(tools.fleet.spec)) {
    try {
      return await countByEncryption(ctx, tools.fleet.machine(name), SECRETS);
    } catch (error) {
      if (ctx.signal.aborted) throw error;
      reasons.push(error);
    }
  }
  throw new QuorateError('ETCD_UNAVAILABLE', 'no machine that carries etcd could show its Secrets', {
    cause: reasons[0],
  });
}
