// Starts the member of one machine and nothing else of its control plane: an API server beside a member that cannot serve would only fail.
import type { Context } from '../../core/context.ts';
import type { EtcdBootstrap } from '../../manifests/etcd.ts';
import { ETCD_MANIFEST } from '../../manifests/paths.ts';
import { carryOutWork, groupWork } from '../files/managed-files.ts';
import { etcdServiceGroup, type GroupInput, kubeletGroup, staticPodGroup } from '../files/node-groups.ts';
import type { Toolbox } from '../toolbox.ts';

/** Its static pod and the kubelet that runs it, or its unit. Returns when it has been started; when it serves is for the caller to wait for. */
export async function startMemberAlone(
  ctx: Context,
  tools: Pick<Toolbox, 'fleet'>,
  input: GroupInput,
  bootstrap: EtcdBootstrap,
): Promise<void> {
  const host = tools.fleet.machine(input.machine.name);
  if (input.machine.role === 'etcd') {
    const work = groupWork(input.facts, etcdServiceGroup(input, bootstrap));
    if (work) await carryOutWork(ctx, host, { ...work, idle: [], restarts: [] });
    // Its start ends when it has joined, which the caller waits for in its own way.
    await host.exec(ctx, [
      'sh',
      '-c',
      'systemctl daemon-reload && systemctl enable etcd && systemctl start --no-block etcd',
    ]);
    return;
  }
  const group = staticPodGroup(input, bootstrap);
  await host.writeFiles(
    ctx,
    group.files.filter(({ path }) => path === ETCD_MANIFEST),
  );
  const kubelet = groupWork(input.facts, kubeletGroup(input));
  if (kubelet) await carryOutWork(ctx, host, kubelet);
}
