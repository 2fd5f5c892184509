// kubeadm by its own documentation: prerequisites, `kubeadm init`, the pod network, then each join in turn.
import { randomBytes } from 'node:crypto';
import type { Context } from '../src/core/context.ts';
import { QuorateError } from '../src/core/errors.ts';
import type { Fleet } from '../src/machines/fleet.ts';
import { flannelObjects } from '../src/manifests/addons/flannel.ts';
import { containerRuntimeFiles, networkFiles } from '../src/manifests/node-files.ts';
import { toYaml } from '../src/manifests/object.ts';
import { readMachineFacts } from '../src/observe/machine-facts.ts';
import { controlPlanes, type MachineSpec, machinesOf } from '../src/spec/types.ts';
import { type Finish, watchFinish } from './finish-line.ts';
import {
  balancerFiles,
  initConfig,
  joinConfig,
  KUBEADM_CONFIG,
  type KubeadmSecrets,
  kubeletUnitFiles,
} from './kubeadm-files.ts';

const COMMAND_DEADLINE_MS = 300_000;

export interface KubeadmRun {
  /** From the start of `kubeadm init`. */
  readonly finish: Finish;
  /** When each command of the operator had ended, milliseconds. */
  readonly steps: readonly { readonly name: string; readonly atMs: number }[];
}

/** Builds a cluster on booted machines. Only what comes after the prerequisites is timed. */
export async function runKubeadm(ctx: Context, fleet: Fleet): Promise<KubeadmRun> {
  const secrets = newSecrets();
  await Promise.all(fleet.spec.machines.map((machine) => prepare(ctx, fleet, machine, secrets)));
  const start = Date.now();
  const steps: { name: string; atMs: number }[] = [];
  const finishing = watchFinish(ctx, fleet, start);
  // A failure of the commands is told first.
  finishing.catch(() => {});
  await buildCluster(ctx, fleet, secrets, (name) => steps.push({ name, atMs: Date.now() - start }));
  return { finish: await finishing, steps };
}

function newSecrets(): KubeadmSecrets {
  const hex = (bytes: number) => randomBytes(bytes).toString('hex');
  return { token: `${hex(3)}.${hex(8)}`, certificateKey: hex(32) };
}

/**
 * "Before you begin": container runtime, kubelet, kernel settings, load balancer. The runtime and the pods' way out are set up with
 * the very files that quorate uses. quorate does all of this, too, but inside of its time.
 */
async function prepare(ctx: Context, fleet: Fleet, machine: MachineSpec, secrets: KubeadmSecrets): Promise<void> {
  const { spec } = fleet;
  const host = fleet.machine(machine.name);
  const facts = await readMachineFacts(ctx, host);
  const isControlPlane = machine.role === 'control-plane';
  const isFirst = controlPlanes(spec)[0]?.name === machine.name;
  const config = { path: KUBEADM_CONFIG, mode: 0o600 };
  await host.writeFiles(ctx, [
    ...networkFiles(spec, machine),
    ...containerRuntimeFiles(spec, facts),
    ...kubeletUnitFiles(),
    ...(isControlPlane ? balancerFiles(spec, machine, facts) : []),
    ...(isFirst ? [{ ...config, content: initConfig(spec, machine, facts, secrets) }] : []),
  ]);
  const options = { timeoutMs: COMMAND_DEADLINE_MS };
  await host.exec(ctx, ['systemctl', 'daemon-reload'], options);
  const units = ['quorate-network.service', 'flannel-cni.path', 'containerd.service'];
  await host.exec(ctx, ['systemctl', 'enable', '--now', ...units], options);
  // The packages enable it, too; it has no configuration before kubeadm writes one.
  await host.exec(ctx, ['systemctl', 'enable', 'kubelet.service'], options);
  if (isControlPlane)
    await host.exec(ctx, ['systemctl', 'enable', '--now', 'haproxy.service', 'keepalived.service'], options);
}

async function buildCluster(
  ctx: Context,
  fleet: Fleet,
  secrets: KubeadmSecrets,
  done: (name: string) => void,
): Promise<void> {
  const { spec } = fleet;
  const [first, ...others] = controlPlanes(spec);
  if (!first) return;
  const caCertHash = await init(ctx, fleet, first);
  done('kubeadm init');
  const network = flannelObjects(spec).map(toYaml).join('---\n');
  const kubectl = ['kubectl', '--kubeconfig=/etc/kubernetes/admin.conf', 'apply', '-f', '-'];
  await fleet.machine(first.name).exec(ctx, kubectl, { stdin: network, timeoutMs: COMMAND_DEADLINE_MS });
  done('pod network applied');
  for (const machine of [...others, ...machinesOf(spec, 'worker')]) {
    await join(ctx, fleet, machine, joinConfig(spec, machine, secrets, caCertHash));
    done(`${machine.name} joined`);
  }
}

/** Returns the hash of the cluster's authority, which joins are told. */
async function init(ctx: Context, fleet: Fleet, machine: MachineSpec): Promise<string> {
  const argv = ['kubeadm', 'init', '--config', KUBEADM_CONFIG, '--upload-certs'];
  const { stdout } = await fleet.machine(machine.name).exec(ctx, argv, { timeoutMs: COMMAND_DEADLINE_MS });
  const hash = /sha256:[0-9a-f]{64}/.exec(stdout)?.[0];
  if (hash !== undefined) return hash;
  throw new QuorateError('COMMAND_FAILED', 'kubeadm init did not print the hash of the authority');
}

async function join(ctx: Context, fleet: Fleet, machine: MachineSpec, config: string): Promise<void> {
  const host = fleet.machine(machine.name);
  await host.writeFiles(ctx, [{ path: KUBEADM_CONFIG, content: config, mode: 0o600 }]);
  await host.exec(ctx, ['kubeadm', 'join', '--config', KUBEADM_CONFIG], { timeoutMs: COMMAND_DEADLINE_MS });
}
