// Asks a machine what its ports present, and what its kubeconfigs and programs go by. On the machine itself: etcd's ports are open to
// peers only, and those of scheduler and controller-manager are asked where no firewall is in between.
import type { Context } from '../core/context.ts';
import type { Machine } from '../machines/machine.ts';
import { ETCD_CLIENT_PORT, ETCD_PEER_PORT } from '../manifests/paths.ts';
import { API_SERVER_PORT, certificatePath } from '../pki/names.ts';
import type { ServingPort } from '../pki/served.ts';
import { type ClusterSpec, etcdMachines, isNode, type MachineSpec } from '../spec/types.ts';

/** The kubelet's serving certificate, which it asks the cluster for and rotates itself. */
export const KUBELET_SERVER_PATH = '/var/lib/kubelet/pki/kubelet-server-current.pem';
/** Ports of kubelet, controller-manager and scheduler (kubernetes.io, "Ports and Protocols"). */
const KUBELET_PORT = 10250;
const CONTROLLER_MANAGER_PORT = 10257;
const SCHEDULER_PORT = 10259;

/** The ports of a machine that present a certificate. The virtual IP is none: the load balancers pass TLS through. */
export function servingPorts(spec: ClusterSpec, machine: MachineSpec): readonly ServingPort[] {
  const isMember = etcdMachines(spec).some(({ name }) => name === machine.name);
  const isPlane = machine.role === 'control-plane';
  const at = (port: number) => `${machine.address}:${port}`;
  const own = (port: number) => `127.0.0.1:${port}`;
  return [
    ...(isPlane ? [{ name: 'kube-apiserver', target: at(API_SERVER_PORT), path: certificatePath('apiserver') }] : []),
    ...(isMember
      ? [
          { name: 'etcd client', target: at(ETCD_CLIENT_PORT), path: certificatePath('etcd/server') },
          { name: 'etcd peer', target: at(ETCD_PEER_PORT), path: certificatePath('etcd/peer') },
        ]
      : []),
    ...(isNode(machine) ? [{ name: 'kubelet', target: own(KUBELET_PORT), path: KUBELET_SERVER_PATH }] : []),
    ...(isPlane
      ? [
          { name: 'kube-controller-manager', target: own(CONTROLLER_MANAGER_PORT) },
          { name: 'kube-scheduler', target: own(SCHEDULER_PORT) },
        ]
      : []),
  ];
}

/** Programs that read their client certificate when they start and never again, with the file that they read. */
export const READ_AT_START: Readonly<Record<string, string>> = {
  'kube-controller-manager': '/etc/kubernetes/controller-manager.conf',
  'kube-scheduler': '/etc/kubernetes/scheduler.conf',
};

/** A kubeconfig on a machine, without what is secret in it. */
export interface KubeconfigFacts {
  readonly path: string;
  /** URL. */
  readonly server: string;
  /** The authority that it trusts, PEM. */
  readonly authority: string;
}

/** What a machine was seen to serve and to go by. */
export interface ServingFacts {
  /** PEM by target; a port that does not answer is not there. */
  readonly presented: Readonly<Record<string, string>>;
  readonly kubeconfigs: readonly KubeconfigFacts[];
  /** Programs of READ_AT_START that run, and whether each began after its file was last written. */
  readonly programs: Readonly<Record<string, 'fresh' | 'stale'>>;
}

/**
 * Arguments: targets, each asked at the same time. etcd asks for a client's certificate but presents its own before it, so that none is
 * needed. Prints `served target base64`, `conf path server base64`, `program name fresh|stale`. The start of a process is known to a
 * second only (ps, etimes), so one second is allowed.
 */
const SERVING_SCRIPT = `set -u
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
ask() { timeout 8 openssl s_client -connect "$1" </dev/null 2>/dev/null | openssl x509 2>/dev/null | base64 -w0 > "$dir/$1"; }
for target in "$@"; do
  # Twice: a busy machine is no proof that nobody answers.
  { ask "$target"; [ -s "$dir/$target" ] || ask "$target"; } &
done
wait
for target in "$@"; do printf 'served\\t%s\\t%s\\n' "$target" "$(cat "$dir/$target")"; done
for path in /etc/kubernetes/*.conf; do
  [ -f "$path" ] || continue
  server=$(sed -n 's/^ *server: *//p' "$path" | head -n 1)
  authority=$(sed -n 's/^ *certificate-authority-data: *//p' "$path" | head -n 1)
  printf 'conf\\t%s\\t%s\\t%s\\n' "$path" "$server" "$authority"
done
now=$(date +%s)
look() {
  for pid in $(pgrep -f "^$1 "); do
    age=$(ps -o etimes= -p "$pid") || continue
    [ $((now - age + 1)) -ge "$(stat -c %Y "$2" 2>/dev/null || echo 0)" ] && state=fresh || state=stale
    printf 'program\\t%s\\t%s\\n' "$1" "$state"
  done
}
${Object.entries(READ_AT_START)
  .map(([program, path]) => `look ${program} ${path}`)
  .join('\n')}
exit 0
`;

/** Parses what the script prints. */
export function parseServing(text: string): ServingFacts {
  const records = text.split('\n').map((line) => line.split('\t'));
  const of = (kind: string) => records.filter(([first]) => first === kind).map(([, ...fields]) => fields);
  const programs: Record<string, 'fresh' | 'stale'> = {};
  // One that ends and one that begins run side by side for a moment: the old one counts.
  for (const [name = '', state] of of('program'))
    if (programs[name] !== 'stale') programs[name] = state === 'stale' ? 'stale' : 'fresh';
  return {
    presented: Object.fromEntries(
      of('served').flatMap(([target = '', data = '']) => (data === '' ? [] : [[target, fromBase64(data)]])),
    ),
    kubeconfigs: of('conf').map(([path = '', server = '', data = '']) => ({
      path,
      server,
      authority: fromBase64(data),
    })),
    programs,
  };
}

function fromBase64(data: string): string {
  return Buffer.from(data, 'base64').toString();
}

/** Reads it in one command. Throws MACHINE_UNREACHABLE and what a command can throw. */
export async function readServing(
  ctx: Context,
  machine: Machine,
  ports: readonly ServingPort[],
): Promise<ServingFacts> {
  const targets = ports.map(({ target }) => target);
  const argv = ['sh', '-c', SERVING_SCRIPT, 'serving', ...targets];
  return parseServing((await machine.exec(ctx, argv, { timeoutMs: 30_000 })).stdout);
}
