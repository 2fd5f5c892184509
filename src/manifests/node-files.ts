// Which files a machine gets, in groups that phases write one after another. PKI is another folder's.
import type { MachineFacts } from '../machines/facts.ts';
import type { ClusterSpec, MachineSpec } from '../spec/types.ts';
import { auditPolicy } from './audit-policy.ts';
import { authenticationConfig } from './authentication-config.ts';
import { conflistPathUnit, conflistUnit, WRITE_CONFLIST_PATH, writeConflistScript } from './cni.ts';
import { containerdConfig, containerdUnit, crictlConfig } from './containerd.ts';
import { type EtcdBootstrap, etcdPod } from './etcd.ts';
import { type RenderedFile, rootFile, scriptFile, textFile } from './file.ts';
import { haproxyConfig, haproxyDropIn } from './haproxy.ts';
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
import { toYaml } from './object.ts';
import { AUDIT_POLICY_PATH, AUTHENTICATION_CONFIG_PATH, MACHINES_PATH, MANIFESTS_DIR, UNITS_DIR } from './paths.ts';
import { APPROVE_PATH, approveScript, approveTimer, approveUnit, machineList } from './serving-certificates.ts';
import { shellProfile } from './shell-profile.ts';

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
 * Kernel settings, firewall and masquerading, which quorate-network.service applies, and the makers of the CNI configuration,
 * which flannel-cni.path starts. Both units are to be enabled.
 */
export function networkFiles(spec: ClusterSpec, machine: MachineSpec): readonly RenderedFile[] {
  const network = { restarts: 'quorate-network.service' };
  return [
    textFile(KERNEL_MODULES_PATH, kernelModules(machine), network),
    textFile(SYSCTL_PATH, sysctlSettings(machine), network),
    textFile(FIREWALL_PATH, firewallRules(spec), network),
    textFile(MASQUERADE_PATH, masqueradeRules(spec), network),
    textFile(`${UNITS_DIR}/quorate-network.service`, networkUnit(), network),
    // Does nothing before flanneld has its lease (ConditionPathExists).
    scriptFile(WRITE_CONFLIST_PATH, writeConflistScript(), { restarts: 'flannel-cni.service' }),
    textFile(`${UNITS_DIR}/flannel-cni.service`, conflistUnit()),
    textFile(`${UNITS_DIR}/flannel-cni.path`, conflistPathUnit(), { restarts: 'flannel-cni.path' }),
  ];
}

/** On control planes: the approver of serving certificates (its timer is to be enabled), and what a person finds at the prompt. */
export function operatorConvenienceFiles(spec: ClusterSpec, machine: MachineSpec): readonly RenderedFile[] {
  if (machine.role !== 'control-plane') return [];
  const timer = 'quorate-approve-kubelet-serving.timer';
  return [
    textFile(MACHINES_PATH, machineList(spec)),
    scriptFile(APPROVE_PATH, approveScript()),
    textFile(`${UNITS_DIR}/quorate-approve-kubelet-serving.service`, approveUnit()),
    textFile(`${UNITS_DIR}/${timer}`, approveTimer(), { restarts: timer }),
    textFile('/etc/profile.d/quorate.sh', shellProfile()),
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
  const manifest = (name: string, pod: object) => rootFile(`${MANIFESTS_DIR}/${name}.yaml`, toYaml(pod));
  return [
    rootFile(AUDIT_POLICY_PATH, toYaml(auditPolicy())),
    rootFile(AUTHENTICATION_CONFIG_PATH, toYaml(authenticationConfig())),
    manifest('etcd', etcdPod(spec, machine, facts, bootstrap)),
    manifest('kube-apiserver', apiServerPod(spec, machine, facts)),
    manifest('kube-controller-manager', controllerManagerPod(spec, facts)),
    manifest('kube-scheduler', schedulerPod(spec, facts)),
  ];
}

/**
 * HAProxy and keepalived, on control planes of a cluster that balances by itself; nothing elsewhere. Throws SPEC_UNSUPPORTED when the
 * endpoint is a name and not an address.
 */
export function loadBalancerFiles(
  spec: ClusterSpec,
  machine: MachineSpec,
  facts: MachineFacts,
): readonly RenderedFile[] {
  if (!balances(spec, machine)) return [];
  const haproxy = { restarts: 'haproxy.service' };
  const keepalived = { restarts: 'keepalived.service' };
  return [
    textFile('/etc/haproxy/haproxy.cfg', haproxyConfig(spec, facts), { reloads: 'haproxy.service' }),
    textFile(`${UNITS_DIR}/haproxy.service.d/10-quorate.conf`, haproxyDropIn(), haproxy),
    scriptFile(CHECK_HAPROXY_PATH, checkHaproxyScript()),
    textFile('/etc/keepalived/keepalived.conf', keepalivedConfig(spec, machine, facts), {
      reloads: 'keepalived.service',
    }),
    textFile(`${UNITS_DIR}/keepalived.service.d/10-quorate.conf`, keepalivedDropIn(), keepalived),
  ];
}

function balances(spec: ClusterSpec, machine: MachineSpec): boolean {
  return machine.role === 'control-plane' && spec.loadBalancer.type === 'haproxy';
}
