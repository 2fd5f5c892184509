// etcd as a service of the system, on machines of role etcd: the same flags as the static pod, without a kubelet.
import type { MachineFacts } from '../machines/facts.ts';
import type { ClusterSpec, MachineSpec } from '../spec/types.ts';
import { type EtcdBootstrap, etcdFlags } from './etcd.ts';
import { ETCD_DATA_DIR } from './paths.ts';
import { flagArguments } from './static-pod.ts';

/** etcd's own unit file (contrib/systemd/etcd.service) has 40000; every client and watch takes one. */
const OPEN_FILES = 65_536;

/**
 * /etc/systemd/system/etcd.service. `notify`: started means that the member has joined and can serve. It is never killed for its
 * memory before anything else of the machine, and never gives up starting: a member that waits for its peers is no failure.
 */
export function etcdUnit(
  spec: ClusterSpec,
  machine: MachineSpec,
  facts: MachineFacts,
  bootstrap: EtcdBootstrap,
): string {
  const flags = flagArguments(etcdFlags(spec, machine, bootstrap)).join(' \\\n  ');
  return `[Unit]
Description=etcd: the distributed key-value store of the cluster
Documentation=https://etcd.io/docs/
Wants=network-online.target
After=network-online.target quorate-network.service
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStartPre=/usr/bin/install -d -m 0700 ${ETCD_DATA_DIR}
ExecStart=/usr/local/bin/etcd \\
  ${flags}
Restart=always
RestartSec=1
TimeoutStartSec=infinity
LimitNOFILE=${Math.min(OPEN_FILES, facts.nofileHard)}
${facts.hasCapSysResource ? 'OOMScoreAdjust=-900\n' : ''}
[Install]
WantedBy=multi-user.target
`;
}
