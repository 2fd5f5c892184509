import type { Context } from '../core/context.ts';
import { messageOf, QuorateError } from '../core/errors.ts';
import { waitFor } from '../core/wait.ts';
import type { Fleet } from '../machines/fleet.ts';
import { API_SERVER_PORT } from '../pki/names.ts';
import { createKubeClient, type KubeClient } from './client.ts';
import { probeApiServer } from './probe.ts';

/** kubeadm's super-user kubeconfig: it works even when the cluster's RBAC does not. */
const OPERATOR_KUBECONFIG = '/etc/kubernetes/super-admin.conf';

/** The operator's credentials, read from any control plane that answers (principle 2: nothing is kept here). */
export async function readOperatorKubeconfig(ctx: Context, fleet: Fleet, path = OPERATOR_KUBECONFIG): Promise<string> {
  const reasons: string[] = [];
  for (const machine of fleet.controlPlanes) {
    try {
      const content = await machine.readFile(ctx, path);
      if (content) return Buffer.from(content).toString();
      reasons.push(`${machine.name}: has no ${path}`);
    } catch (error) {
      reasons.push(`${machine.name}: ${messageOf(error)}`);
    }
  }
  throw new QuorateError(
    'API_UNREACHABLE',
    `no control plane could give ${path}\n${reasons.map((reason) => `  ${reason}`).join('\n')}`,
  );
}

/**
 * A client on the first address that is ready: the endpoint, then each control plane itself, so that a broken load balancer
 * does not blind the operator. Throws API_UNREACHABLE with each one's reason.
 */
export async function connectKube(ctx: Context, fleet: Fleet): Promise<KubeClient> {
  return connectWith(ctx, fleet, await readOperatorKubeconfig(ctx, fleet));
}

/** The same, waiting until one is ready. Throws WAIT_TIMED_OUT. */
export async function awaitKube(ctx: Context, fleet: Fleet, deadlineMs: number): Promise<KubeClient> {
  const kubeconfig = await readOperatorKubeconfig(ctx, fleet);
  let client: KubeClient | undefined;
  await waitFor(ctx, { condition: 'an API server is ready', deadlineMs, intervalMs: 200 }, async () => {
    client = await connectWith(ctx, fleet, kubeconfig);
    return true;
  });
  return client ?? connectWith(ctx, fleet, kubeconfig);
}

async function connectWith(ctx: Context, fleet: Fleet, kubeconfig: string): Promise<KubeClient> {
  const { endpoint } = fleet.spec;
  const targets = [
    { host: endpoint.host, port: endpoint.port },
    ...fleet.controlPlanes.map(({ address }) => ({ host: address, port: API_SERVER_PORT })),
  ];
  const ca = caOf(kubeconfig);
  const answers = await Promise.all(targets.map(({ host, port }) => probeApiServer(ctx, host, port, ca)));
  const index = answers.findIndex(({ ready }) => ready);
  const target = targets[index];
  if (target) return createKubeClient(ctx, kubeconfig, `https://${target.host}:${target.port}`);
  const reasons = targets.map(({ host }, i) => `  ${host}: ${answers[i]?.detail ?? 'no answer'}`);
  throw new QuorateError('API_UNREACHABLE', `no API server is ready\n${reasons.join('\n')}`);
}

function caOf(kubeconfig: string): string {
  const data = /certificate-authority-data:\s*(\S+)/.exec(kubeconfig)?.[1] ?? '';
  return Buffer.from(data, 'base64').toString();
}
