// What somebody writes who follows kubeadm's documentation: "Creating Highly Available Clusters with kubeadm" (kubernetes.io),
// and docs/ha-considerations.md in kubernetes/kubeadm for HAProxy and keepalived as services of the operating system.
import { componentVersions } from '../src/artifacts/components.ts';
import type { FileContent } from '../src/core/file.ts';
import type { MachineFacts } from '../src/machines/facts.ts';
import { clusterKubeletConfiguration, kubeletConfiguration } from '../src/manifests/kubelet-config.ts';
import { toYaml } from '../src/manifests/object.ts';
import { type ClusterSpec, controlPlanes, type MachineSpec } from '../src/spec/types.ts';

/** API servers' own port; the load balancer is on the same machines and has the endpoint's. */
const API_SERVER_PORT = 6443;
const API_VERSION = 'kubeadm.k8s.io/v1beta4';
/** Where the configuration lies on a machine. */
export const KUBEADM_CONFIG = '/root/kubeadm.yaml';

/** Made for one run and gone with its machines. */
export interface KubeadmSecrets {
  /** `abcdef.0123456789abcdef` */
  readonly token: string;
  /** 32 bytes, hex: encrypts the certificates that other control planes download. */
  readonly certificateKey: string;
}

/** `kubeadm init`: one file for the cluster, the kubelets and kube-proxy. */
export function initConfig(
  spec: ClusterSpec,
  machine: MachineSpec,
  facts: MachineFacts,
  secrets: KubeadmSecrets,
): string {
  const documents = [
    {
      apiVersion: API_VERSION,
      kind: 'InitConfiguration',
      bootstrapTokens: [{ token: secrets.token }],
      certificateKey: secrets.certificateKey,
      localAPIEndpoint: { advertiseAddress: machine.address, bindPort: API_SERVER_PORT },
      nodeRegistration: nodeRegistration(machine),
    },
    clusterConfiguration(spec),
    kubeletDocument(spec, machine, facts),
    {
      apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
      kind: 'KubeProxyConfiguration',
      mode: 'nftables',
      conntrack: { maxPerCore: 0 },
    },
  ];
  return documents.map(toYaml).join('---\n');
}

function clusterConfiguration(spec: ClusterSpec): object {
  const { podSubnet, serviceSubnet, dnsDomain } = spec.networking;
  return {
    apiVersion: API_VERSION,
    kind: 'ClusterConfiguration',
    clusterName: spec.name,
    kubernetesVersion: spec.kubernetesVersion,
    controlPlaneEndpoint: spec.endpoint.authority,
    networking: { podSubnet, serviceSubnet, dnsDomain },
    // The etcd that lies in the machines' images, which is newer than this kubeadm's own.
    etcd: { local: { imageTag: `${componentVersions(spec.kubernetesVersion).etcd.slice(1)}-0` } },
  };
}

/** kubeadm's defaults, and those settings that the host needs or that guard a shared disk: the same that quorate's kubelets get. */
function kubeletDocument(spec: ClusterSpec, machine: MachineSpec, facts: MachineFacts): object {
  const quorates = kubeletConfiguration(spec, machine, facts) as Record<string, unknown>;
  const { apiVersion, kind } = clusterKubeletConfiguration(spec);
  const host = [
    'cgroupDriver',
    'failCgroupV1',
    'featureGates',
    'failSwapOn',
    'resolvConf',
    'evictionHard',
    'imageGCHighThresholdPercent',
  ];
  const kept = host.filter((name) => quorates[name] !== undefined).map((name) => [name, quorates[name]]);
  return { apiVersion, kind, ...Object.fromEntries(kept) };
}

/** `kubeadm join`, of a control plane or a worker. `caCertHash` as `kubeadm init` prints it: `sha256:…`. */
export function joinConfig(
  spec: ClusterSpec,
  machine: MachineSpec,
  secrets: KubeadmSecrets,
  caCertHash: string,
): string {
  const controlPlane = {
    certificateKey: secrets.certificateKey,
    localAPIEndpoint: { advertiseAddress: machine.address, bindPort: API_SERVER_PORT },
  };
  return toYaml({
    apiVersion: API_VERSION,
    kind: 'JoinConfiguration',
    discovery: {
      bootstrapToken: {
        apiServerEndpoint: spec.endpoint.authority,
        token: secrets.token,
        caCertHashes: [caCertHash],
      },
    },
    nodeRegistration: nodeRegistration(machine),
    ...(machine.role === 'control-plane' ? { controlPlane } : {}),
  });
}

function nodeRegistration(machine: MachineSpec): object {
  return {
    name: machine.name,
    criSocket: 'unix:///run/containerd/containerd.sock',
    kubeletExtraArgs: [{ name: 'node-ip', value: machine.address }],
    // Machines that share a host's kernel miss what the preflight looks for (kernel configuration, modules).
    ignorePreflightErrors: ['all'],
  };
}

/** The units of Kubernetes' own packages (kubernetes/release, cmd/krel/templates), with this image's path of the binary. */
export function kubeletUnitFiles(): readonly FileContent[] {
  const unit = `[Unit]
Description=kubelet: The Kubernetes Node Agent
Documentation=https://kubernetes.io/docs/
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=/usr/local/bin/kubelet
Restart=always
StartLimitInterval=0
RestartSec=10

[Install]
WantedBy=multi-user.target
`;
  const dropIn = `[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/usr/local/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
`;
  return [
    { path: '/etc/systemd/system/kubelet.service', content: unit, mode: 0o644 },
    { path: '/etc/systemd/system/kubelet.service.d/10-kubeadm.conf', content: dropIn, mode: 0o644 },
  ];
}

/** HAProxy and keepalived with the values of docs/ha-considerations.md; VRRP and log to what these machines have. */
export function balancerFiles(spec: ClusterSpec, machine: MachineSpec, facts: MachineFacts): readonly FileContent[] {
  return [
    { path: '/etc/haproxy/haproxy.cfg', content: haproxyConfig(spec), mode: 0o644 },
    { path: '/etc/keepalived/keepalived.conf', content: keepalivedConfig(spec, machine, facts), mode: 0o644 },
    { path: '/etc/keepalived/check_apiserver.sh', content: checkScript(spec), mode: 0o755 },
  ];
}

function haproxyConfig(spec: ClusterSpec): string {
  const servers = controlPlanes(spec).map(
    ({ name, address }) => `    server ${name} ${address}:${API_SERVER_PORT} check verify none`,
  );
  return `global
    log stdout format raw local0 notice
    daemon
    # The document has none; the machine's hard limit of open files has to carry it.
    maxconn 4000

defaults
    mode                    http
    log                     global
    option                  httplog
    option                  dontlognull
    option http-server-close
    option forwardfor       except 127.0.0.0/8
    option                  redispatch
    retries                 1
    timeout http-request    10s
    timeout queue           20s
    timeout connect         5s
    timeout client          35s
    timeout server          35s
    timeout http-keep-alive 10s
    timeout check           10s

frontend apiserver
    bind *:${spec.endpoint.port}
    mode tcp
    option tcplog
    default_backend apiserverbackend

backend apiserverbackend
    option httpchk
    http-check connect ssl
    http-check send meth GET uri /healthz
    http-check expect status 200
    mode tcp
    balance     roundrobin
${servers.join('\n')}
`;
}

function keepalivedConfig(spec: ClusterSpec, machine: MachineSpec, facts: MachineFacts): string {
  const isFirst = controlPlanes(spec)[0]?.name === machine.name;
  return `global_defs {
    router_id LVS_DEVEL
    script_user root
    enable_script_security
}

vrrp_script check_apiserver {
    script "/etc/keepalived/check_apiserver.sh"
    interval 3
    weight -2
    fall 10
    rise 2
}

vrrp_instance VI_1 {
    state ${isFirst ? 'MASTER' : 'BACKUP'}
    interface ${facts.interface}
    virtual_router_id 51
    priority ${isFirst ? 101 : 100}
    authentication {
        auth_type PASS
        auth_pass 42
    }
    virtual_ipaddress {
        ${spec.endpoint.host}
    }
    track_script {
        check_apiserver
    }
}
`;
}

function checkScript({ endpoint }: ClusterSpec): string {
  return `#!/bin/sh

errorExit() {
    echo "*** $*" 1>&2
    exit 1
}

curl -sfk --max-time 2 https://localhost:${endpoint.port}/healthz -o /dev/null || errorExit "Error GET https://localhost:${endpoint.port}/healthz"
`;
}
