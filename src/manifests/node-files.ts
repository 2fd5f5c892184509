// Which files a machine gets, in groups that phases write one after another. PKI is another folder's.

import { perObject } from '../core/per-object.ts';
import type { MachineFacts } from '../machines/facts.ts';
import { type ClusterSpec, isNode, loadBalancers, type MachineSpec } from '../spec/types.ts';
import { auditPolicy } from './audit-policy.ts';
import { authenticationConfig } from './authentication-config.ts';
import { balancerDropIn } from './balancing.ts';
import { conflistPathUnit, conflistUnit, WRITE_CONFLIST_PATH, writeConflistScript } from './cni.ts';
import { containerdConfig, containerdUnit, crictlConfig } from './containerd.ts';
import { type EtcdBootstrap, etcdPod } from './etcd.ts';
import { etcdUnit } from './etcd-service.ts';
import { type RenderedFile, rootFile, scriptFile, textFile } from './file.ts';
import { haproxyConfig } from './haproxy.ts';
import { CHECK_HAPROXY_PATH, checkHaproxyScript, keepalivedConfig, keepalivedDropIn } from './keepalived.ts';
import { KERNEL_MODULES_PATH, kernelModules, SYSCTL_PATH, sysctlSettings } from './kernel-settings.ts';
import { apiServerPod } from './kube-apiserver.ts';
import {
  kubeletConfiguration,
  kubeletDropIn,
  kubeletFlagsEnv,
  kubeletInstanceConfig,
  kubeletUnit,
} from './kubelet-config.ts';
import { controllerManagerPod, schedulerPod } from './leader-elected.ts';
import { FIREWALL_PATH, firewallRules, MASQUERADE_PATH, masqueradeRules, networkUnit } from './nftables.ts';
import { CHECK_NGINX_PATH, checkNginxScript, NGINX_CONFIG_PATH, nginxConfig } from './nginx.ts';
import { type KubeObject, toYaml } from './object.ts';
import {
  AUDIT_POLICY_PATH,
  AUTHENTICATION_CONFIG_PATH,
  CLUSTER_PATH,
  MACHINES_PATH,
  MANIFESTS_DIR,
  UNITS_DIR,
} from './paths.ts';
import { renewalFiles } from './renew-certificates.ts';
import { APPROVE_PATH, approveScript, approveTimer, approveUnit, machineList } from './serving-certificates.ts';
import { shellProfile } from './shell-profile.ts';
import { podDigest } from './static-pod.ts';

/** containerd and its unit; crictl's configuration. */
export function containerRuntimeFiles(spec: ClusterSpec, facts: MachineFacts): readonly RenderedFile[] {
  const effect = { restarts: 'containerd.service' };
  return [
    textFile('/etc/containerd/config.toml', containerdConfig(spec, facts), effect),
    textFile(`${UNITS_DIR}/containerd.service`, containerdUnit(facts), effect),
    textFile('/etc/crictl.yaml', crictlConfig()),
  ];
}

/**
 * Kernel settings and firewall, which quorate-network.service applies. On nodes also masquerading, and the makers of the CNI
 * configuration, which flannel-cni.path starts. Both units are to be enabled, the second one on nodes.
 */
export function networkFiles(spec: ClusterSpec, machine: MachineSpec): readonly RenderedFile[] {
  const network = { restarts: 'quorate-network.service' };
  return [
    textFile(KERNEL_MODULES_PATH, kernelModules(machine), network),
    textFile(SYSCTL_PATH, sysctlSettings(spec, machine), network),
    firewallFile(spec),
    // Written with the first files that a machine gets, so that no other cluster file takes the machine for its own.
    textFile(CLUSTER_PATH, `${spec.name}\n`),
    textFile(`${UNITS_DIR}/quorate-network.service`, networkUnit(machine), network),
    ...(isNode(machine) ? podNetworkFiles(spec) : []),
  ];
}

/** The same on every machine, and it names them all: rendered once for each specification. */
const firewallFile = perObject((spec: ClusterSpec) =>
  textFile(FIREWALL_PATH, firewallRules(spec), { restarts: 'quorate-network.service' }),
);

function podNetworkFiles(spec: ClusterSpec): readonly RenderedFile[] {
  return [
    textFile(MASQUERADE_PATH, masqueradeRules(spec), { restarts: 'quorate-network.service' }),
    // Does nothing before flanneld has its lease (ConditionPathExists).
    scriptFile(WRITE_CONFLIST_PATH, writeConflistScript(), { restarts: 'flannel-cni.service' }),
    textFile(`${UNITS_DIR}/flannel-cni.service`, conflistUnit()),
    textFile(`${UNITS_DIR}/flannel-cni.path`, conflistPathUnit(), { restarts: 'flannel-cni.path' }),
  ];
}

/**
 * What works without quorate: the renewal of the machine's own certificates, where it holds an authority's key; on control planes also the
 * approver of serving certificates, and what a person finds at the prompt. The timers are to be enabled.
 */
export function operatorConvenienceFiles(spec: ClusterSpec, machine: MachineSpec): readonly RenderedFile[] {
  if (machine.role !== 'control-plane') return renewalFiles(spec, machine);
  const timer = 'quorate-approve-kubelet-serving.timer';
  return [
    textFile(MACHINES_PATH, machineList(spec)),
    scriptFile(APPROVE_PATH, approveScript()),
    textFile(`${UNITS_DIR}/quorate-approve-kubelet-serving.service`, approveUnit()),
    textFile(`${UNITS_DIR}/${timer}`, approveTimer(), { restarts: timer }),
    textFile('/etc/profile.d/quorate.sh', shellProfile()),
    ...renewalFiles(spec, machine),
  ];
}

/** The kubelet's configuration, flags and unit. */
export function kubeletFiles(spec: ClusterSpec, machine: MachineSpec, facts: MachineFacts): readonly RenderedFile[] {
  const effect = { restarts: 'kubelet.service' };
  return [
    rootFile('/var/lib/kubelet/config.yaml', toYaml(kubeletConfiguration(spec, machine, facts)), effect),
    textFile('/var/lib/kubelet/instance-config.yaml', kubeletInstanceConfig()),
    textFile('/var/lib/kubelet/kubeadm-flags.env', kubeletFlagsEnv(machine), effect),
    textFile(`${UNITS_DIR}/kubelet.service`, kubeletUnit(machine), effect),
    textFile(`${UNITS_DIR}/kubelet.service.d/10-kubeadm.conf`, kubeletDropIn(), effect),
  ];
}

/**
 * A control plane's static pods, and the API server's configuration, which comes first because a manifest starts its pod at once.
 * No unit is restarted: the kubelet sees changed manifests by itself, and the API server reads authentication.yaml again by
 * itself. The audit policy it reads only when it starts.
 */
export function staticPodFiles(
  spec: ClusterSpec,
  machine: MachineSpec,
  facts: MachineFacts,
  bootstrap: EtcdBootstrap,
): readonly RenderedFile[] {
  return [
    rootFile(AUDIT_POLICY_PATH, toYaml(auditPolicy())),
    rootFile(AUTHENTICATION_CONFIG_PATH, toYaml(authenticationConfig())),
    ...staticPods(spec, machine, facts, bootstrap).map((pod) =>
      rootFile(`${MANIFESTS_DIR}/${pod.metadata.name}.yaml`, toYaml(pod)),
    ),
  ];
}

function staticPods(
  spec: ClusterSpec,
  machine: MachineSpec,
  facts: MachineFacts,
  bootstrap: EtcdBootstrap,
): readonly KubeObject[] {
  return [
    ...(spec.etcd.topology === 'stacked' ? [etcdPod(spec, machine, facts, bootstrap)] : []),
    apiServerPod(spec, machine, facts),
    controllerManagerPod(spec, facts),
    schedulerPod(spec, facts),
  ];
}

/** Digest of each static pod of a control plane by its component: what the API shows once the kubelet runs the new one. */
export function staticPodDigests(
  spec: ClusterSpec,
  machine: MachineSpec,
  facts: MachineFacts,
  bootstrap: EtcdBootstrap,
): Readonly<Record<string, string>> {
  const pods = staticPods(spec, machine, facts, bootstrap);
  return Object.fromEntries(pods.map((pod) => [pod.metadata.name, podDigest(pod)]));
}

/** etcd's unit, on machines of role etcd. Restarting is the rolling phase's business: one member at a time. */
export function etcdServiceFiles(
  spec: ClusterSpec,
  machine: MachineSpec,
  facts: MachineFacts,
  bootstrap: EtcdBootstrap,
): readonly RenderedFile[] {
  const effect = { restarts: 'etcd.service' };
  return [textFile(`${UNITS_DIR}/etcd.service`, etcdUnit(spec, machine, facts, bootstrap), effect)];
}

/**
 * HAProxy or NGINX, and keepalived, on the machines that balance (loadBalancers of spec/types.ts); nothing elsewhere. Throws
 * SPEC_UNSUPPORTED when the endpoint is a name and not an address.
 */
export function loadBalancerFiles(
  spec: ClusterSpec,
  machine: MachineSpec,
  facts: MachineFacts,
): readonly RenderedFile[] {
  if (!balances(spec, machine)) return [];
  const balancer = spec.loadBalancer.type === 'nginx' ? nginxFiles(spec, facts) : haproxyFiles(spec, facts);
  return [...balancer, ...keepalivedFiles(spec, machine, facts)];
}

/** systemd units that must run on a machine that balances, in starting order; none elsewhere. */
export function loadBalancerUnits(spec: ClusterSpec, machine: MachineSpec): readonly string[] {
  return balances(spec, machine) ? [`${spec.loadBalancer.type}.service`, 'keepalived.service'] : [];
}

function balances(spec: ClusterSpec, machine: MachineSpec): boolean {
  return loadBalancers(spec).some(({ name }) => name === machine.name);
}

/** The drop-in of quorate's for a unit that the operating system ships: where it lies, the unit is quorate's business. */
export function dropInPath(unit: string): string {
  return `${UNITS_DIR}/${unit}.d/10-quorate.conf`;
}

function haproxyFiles(spec: ClusterSpec, facts: MachineFacts): readonly RenderedFile[] {
  const unit = 'haproxy.service';
  // Without -q, which keeps the reasons to itself (HAProxy 2.6).
  const effect = { reloads: unit, check: ['haproxy', '-c', '-f', '{}'] };
  return [
    textFile('/etc/haproxy/haproxy.cfg', haproxyConfig(spec, facts), effect),
    textFile(dropInPath(unit), balancerDropIn(), { restarts: unit }),
    scriptFile(CHECK_HAPROXY_PATH, checkHaproxyScript()),
  ];
}

function nginxFiles(spec: ClusterSpec, facts: MachineFacts): readonly RenderedFile[] {
  const unit = 'nginx.service';
  const effect = { reloads: unit, check: ['nginx', '-t', '-q', '-c', '{}'] };
  return [
    textFile(NGINX_CONFIG_PATH, nginxConfig(spec, facts), effect),
    textFile(dropInPath(unit), balancerDropIn(), { restarts: unit }),
    scriptFile(CHECK_NGINX_PATH, checkNginxScript()),
  ];
}

function keepalivedFiles(spec: ClusterSpec, machine: MachineSpec, facts: MachineFacts): readonly RenderedFile[] {
  const unit = 'keepalived.service';
  const effect = { reloads: unit, check: ['keepalived', '-t', '-f', '{}'] };
  return [
    textFile('/etc/keepalived/keepalived.conf', keepalivedConfig(spec, machine, facts), effect),
    textFile(dropInPath(unit), keepalivedDropIn(spec), { restarts: unit }),
  ];
}
