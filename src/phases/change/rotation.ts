// Takes an API server out of the load balancers before it is stopped: no new connection is sent to it, and those it has end when it
// closes them itself. Only HAProxy can be told so; with the others a client finds out by the connection that is refused.
import type { Context } from '../../core/context.ts';
import { messageOf } from '../../core/errors.ts';
import { HAPROXY_STATS_SOCKET } from '../../manifests/paths.ts';
import { loadBalancers } from '../../spec/types.ts';
import type { Toolbox } from '../toolbox.ts';

/** Arguments: the server's name, then commands of HAProxy's runtime API with % in its place. One that has no HAProxy is let be. */
const TELL_SCRIPT = `[ -S ${HAPROXY_STATS_SOCKET} ] || exit 0
server=$1; shift
for command in "$@"; do
  answer=$(echo "$command" | sed "s/%/kube-apiserver\\/$server/" | socat -t 2 stdio ${HAPROXY_STATS_SOCKET}) || exit 1
  case $answer in *[!\\ ]*) echo "$answer" >&2 ;; esac
done
`;
/**
 * drain: no new connections. Without its health check it is not marked down when the API server says that it is about to stop, which
 * would cut the requests that are under way (on-marked-down shutdown-sessions).
 */
const OUT = ['set server % state drain', 'disable health %'];
const IN = ['enable health %', 'set server % state ready'];

/** Runs `work` while no load balancer sends new connections to the machine's API server. */
export async function outOfRotation<T>(
  ctx: Context,
  tools: Toolbox,
  machine: string,
  work: () => Promise<T>,
): Promise<T> {
  await tellBalancers(ctx, tools, machine, OUT);
  try {
    return await work();
  } finally {
    if (!ctx.signal.aborted) await returnToRotation(ctx, tools, machine);
  }
}

/** Lets the load balancers send connections to the machine's API server again, as soon as they find it ready. */
export async function returnToRotation(ctx: Context, tools: Toolbox, machine: string): Promise<void> {
  await tellBalancers(ctx, tools, machine, IN);
}

/** A balancer that does not answer has nobody to send anywhere. */
async function tellBalancers(
  ctx: Context,
  tools: Toolbox,
  machine: string,
  commands: readonly string[],
): Promise<void> {
  const { fleet } = tools;
  await Promise.all(
    loadBalancers(fleet.spec).map(async ({ name }) => {
      try {
        await fleet
          .machine(name)
          .exec(ctx, ['sh', '-c', TELL_SCRIPT, 'rotation', machine, ...commands], { timeoutMs: 10_000 });
      } catch (error) {
        if (ctx.signal.aborted) throw error;
        ctx.emit('note', { text: `the load balancer of ${name} was not told about ${machine}: ${messageOf(error)}` });
      }
    }),
  );
}
