// Pod networking on a node: flanneld leases a subnet and writes it to /run/flannel/subnet.env; a path unit turns that into a CNI
// configuration. Upstream's own plugin does the same at every ADD; ours is needed once a lease.
import { SCRIPTS_DIR } from './paths.ts';

/** Path of the script that writes the CNI configuration. */
export const WRITE_CONFLIST_PATH = `${SCRIPTS_DIR}/write-cni-conflist`;
/** The configuration that containerd reads. Its presence makes the node Ready. */
export const CONFLIST_PATH = '/etc/cni/net.d/10-flannel.conflist';
const SUBNET_ENV = '/run/flannel/subnet.env';

/**
 * ptp gives each pod a veth of its own and no bridge; host-local keeps its leases in /run, so that those of pods that a power
 * failure ended do not stay taken. The old configuration outlives a reboot: the subnet is the node's podCIDR, which never changes.
 */
export function writeConflistScript(): string {
  return `#!/bin/sh
# Writes ${CONFLIST_PATH} from ${SUBNET_ENV}; does nothing when it is there already.
set -eu
# Only these two are taken from the file.
FLANNEL_SUBNET=$(sed -n 's/^FLANNEL_SUBNET=//p' ${SUBNET_ENV})
FLANNEL_MTU=$(sed -n 's/^FLANNEL_MTU=//p' ${SUBNET_ENV})
case $FLANNEL_SUBNET in
  *.*.*.*/*) ;;
  *) echo "no subnet in ${SUBNET_ENV}" >&2; exit 1 ;;
esac
case $FLANNEL_MTU in
  ''|*[!0-9]*) echo "no MTU in ${SUBNET_ENV}" >&2; exit 1 ;;
esac
# flannel names the first address, host-local wants the network: 10.42.1.1/24 is 10.42.1.0/24.
address=\${FLANNEL_SUBNET%/*}
subnet=\${address%.*}.$((\${address##*.} - 1))/\${FLANNEL_SUBNET#*/}

target=${CONFLIST_PATH}
mkdir -p "$(dirname "$target")"
# Not ending in .conflist: containerd reads every file of that name.
new=$target.new
cat > "$new" <<EOF
{
  "cniVersion": "1.0.0",
  "name": "flannel",
  "plugins": [
    {
      "type": "ptp",
      "mtu": $FLANNEL_MTU,
      "ipMasq": false,
      "ipam": {
        "type": "host-local",
        "dataDir": "/run/cni-ipam-state",
        "ranges": [[{ "subnet": "$subnet" }]],
        "routes": [{ "dst": "0.0.0.0/0" }]
      }
    },
    {
      "type": "portmap",
      "backend": "nftables",
      "snat": true,
      "capabilities": { "portMappings": true }
    }
  ]
}
EOF
if cmp -s "$new" "$target"; then rm -f "$new"; exit 0; fi
sync "$new"
mv -f "$new" "$target"
echo "pods of this node get addresses from $subnet, MTU $FLANNEL_MTU"
`;
}

/** flannel-cni.service */
export function conflistUnit(): string {
  return `[Unit]
Description=quorate: CNI configuration from flannel's lease
ConditionPathExists=${SUBNET_ENV}
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart=${WRITE_CONFLIST_PATH}
`;
}

/** flannel-cni.path: runs flannel-cni.service when flanneld has written its lease. */
export function conflistPathUnit(): string {
  return `[Unit]
Description=quorate: wait for flannel's lease

[Path]
PathChanged=${SUBNET_ENV}
MakeDirectory=no

[Install]
WantedBy=multi-user.target
`;
}
