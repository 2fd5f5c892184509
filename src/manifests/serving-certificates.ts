// Serving certificates of kubelets: Kubernetes signs such requests but approves none. A timer on the control planes does.
import type { ClusterSpec } from '../spec/types.ts';
import { MACHINES_PATH, SCRIPTS_DIR } from './paths.ts';

/** Path of the script that approves. */
export const APPROVE_PATH = `${SCRIPTS_DIR}/approve-kubelet-serving-certificates`;

/** /etc/quorate/machines: `name address`, one machine a line. */
export function machineList(spec: ClusterSpec): string {
  const lines = spec.machines.map(({ name, address }) => `${name} ${address}`).sort();
  return `${lines.join('\n')}\n`;
}

/**
 * Approves a request only if all of this holds (the rules of postfinance/kubelet-csr-approver, and of the signer's documentation):
 * signer kubernetes.io/kubelet-serving; asked for by system:node:NAME in group system:nodes; subject O=system:nodes,
 * CN=system:node:NAME; usages are digital signature, key encipherment and server auth only; at least one name, and every name and address
 * is NAME or its address in cluster.yaml. The list and not the Node object is asked, because a kubelet writes its own Node's addresses.
 * It denies nothing: what it leaves is seen in `kubectl get csr` and the journal.
 */
export function approveScript(): string {
  return `#!/bin/sh
# Approves serving certificates that kubelets ask for, when names and addresses are the machine's own.
set -u
export KUBECONFIG=\${KUBECONFIG:-/etc/kubernetes/admin.conf}
machines=\${MACHINES:-${MACHINES_PATH}}

# One line for each open request: name, node, base64 of the request. Everything that the API says about it is checked here.
pending() {
  kubectl get certificatesigningrequests --field-selector spec.signerName=kubernetes.io/kubelet-serving -o json \\
    --request-timeout=10s | jq -r '
    .items[]
    | select((.status.conditions // []) == [] and (.status.certificate // "") == "")
    | select(.spec.username | startswith("system:node:"))
    | select(.spec.groups | index("system:nodes"))
    | select((.spec.usages - ["digital signature", "key encipherment", "server auth"]) == [])
    | select(.spec.usages | index("server auth"))
    | [.metadata.name, (.spec.username | ltrimstr("system:node:")), .spec.request] | @tsv'
}

# Succeeds when request (PEM, $2) names machine $1 only; says why not otherwise.
acceptable() {
  address=$(awk -v name="$1" '$1 == name { print $2 }' "$machines")
  [ -n "$address" ] || { echo "no machine of that name"; return 1; }
  subject=$(printf '%s\\n' "$2" | openssl req -noout -verify -subject -nameopt RFC2253 2>/dev/null) \\
    || { echo "not a valid request"; return 1; }
  [ "$subject" = "subject=CN=system:node:$1,O=system:nodes" ] || { echo "subject is $subject"; return 1; }
  names=$(printf '%s\\n' "$2" | openssl req -noout -text 2>/dev/null \\
    | sed -n '/X509v3 Subject Alternative Name/{n;p;}' | tr ',' '\\n' | sed 's/^ *//; s/ *$//' | grep .) \\
    || { echo "no names in it"; return 1; }
  others=$(printf '%s\\n' "$names" | grep -v -x -F -e "DNS:$1" -e "IP Address:$address")
  [ -z "$others" ] || { echo "names that are not its own: $(echo $others)"; return 1; }
}

status=0
requests=$(pending) || exit 1
tab=$(printf '\\t')
while IFS=$tab read -r csr node request; do
  [ -n "$csr" ] || continue
  pem=$(printf '%s' "$request" | base64 -d)
  if reason=$(acceptable "$node" "$pem"); then
    kubectl certificate approve "$csr" --request-timeout=10s || status=1
  else
    echo "left $csr of system:node:$node: $reason" >&2
  fi
done <<EOF
$requests
EOF
exit $status
`;
}

/** quorate-approve-kubelet-serving.service */
export function approveUnit(): string {
  return `[Unit]
Description=quorate: approve serving certificates of kubelets
ConditionPathExists=/etc/kubernetes/admin.conf

[Service]
Type=oneshot
ExecStart=${APPROVE_PATH}
TimeoutStartSec=45
`;
}

/** quorate-approve-kubelet-serving.timer: kubelets renew months ahead; a minute's delay only matters to a new node, which `up` looks after. */
export function approveTimer(): string {
  return `[Unit]
Description=quorate: approve serving certificates of kubelets

[Timer]
OnBootSec=1min
OnUnitActiveSec=1min
RandomizedDelaySec=20
AccuracySec=5

[Install]
WantedBy=timers.target
`;
}
