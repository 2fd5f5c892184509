// containerd and the command-line tools that speak to it.
import { imageReference } from '../artifacts/catalog.ts';
import type { MachineFacts } from '../machines/facts.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { CONTAINERD_SOCKET } from './paths.ts';

const RUNTIME = "plugins.'io.containerd.cri.v1.runtime'";
const IMAGES = "plugins.'io.containerd.cri.v1.images'";

/** /etc/containerd/config.toml. Version 3 is what every containerd 2.x reads (docs/cri/config.md); the rest is its default. */
export function containerdConfig(spec: ClusterSpec, facts: MachineFacts): string {
  return `version = 3
root = '/var/lib/containerd'
state = '/run/containerd'

[${IMAGES}.pinned_images]
  # Never garbage-collected: without it no pod starts.
  sandbox = '${imageReference('pause', spec.kubernetesVersion)}'

[${RUNTIME}]
  # Without CAP_SYS_RESOURCE no process may lower an OOM score.
  restrict_oom_score_adj = ${!facts.hasCapSysResource}

[${RUNTIME}.containerd]
  default_runtime_name = 'runc'

[${RUNTIME}.containerd.runtimes.runc]
  runtime_type = 'io.containerd.runc.v2'

[${RUNTIME}.containerd.runtimes.runc.options]
  # The kubelet's cgroupDriver has to say the same.
  SystemdCgroup = ${facts.cgroup === 'v2'}

[${RUNTIME}.cni]
  bin_dirs = ['/opt/cni/bin']
  conf_dir = '/etc/cni/net.d'
`;
}

/** /etc/systemd/system/containerd.service. */
export function containerdUnit(facts: MachineFacts): string {
  return `[Unit]
Description=containerd container runtime
Documentation=https://containerd.io
After=network.target local-fs.target dbus.service
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStartPre=-/sbin/modprobe overlay
ExecStart=/usr/local/bin/containerd
Restart=always
RestartSec=1
# Containers live on when containerd restarts.
KillMode=process
Delegate=yes
TasksMax=infinity
${facts.hasCapSysResource ? 'LimitNPROC=infinity\nLimitCORE=infinity\nOOMScoreAdjust=-999\n' : ''}
[Install]
WantedBy=multi-user.target
`;
}

/** /etc/crictl.yaml: crictl without flags, for whoever installs it. */
export function crictlConfig(): string {
  return `runtime-endpoint: unix://${CONTAINERD_SOCKET}
image-endpoint: unix://${CONTAINERD_SOCKET}
timeout: 10
`;
}
