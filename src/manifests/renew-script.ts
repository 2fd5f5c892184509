// The script that renews a machine's own certificates with kubeadm and the authorities that lie there. It needs no API.
import { KUBERNETES_DIR } from '../pki/names.ts';
import { RENEW_BELOW_DAYS } from '../pki/problems.ts';
import { ETCD_CLIENT_PORT, RENEWAL_STATE_PATH } from './paths.ts';

/** Name for kubeadm, path below /etc/kubernetes without .crt, and the authority that signs it: kubeadm's table (certlist.go, kubeconfig.go). */
const LEAVES = [
  ['apiserver', 'pki/apiserver', 'ca'],
  ['apiserver-kubelet-client', 'pki/apiserver-kubelet-client', 'ca'],
  ['front-proxy-client', 'pki/front-proxy-client', 'front-proxy-ca'],
  ['apiserver-etcd-client', 'pki/apiserver-etcd-client', 'etcd/ca'],
  ['etcd-server', 'pki/etcd/server', 'etcd/ca'],
  ['etcd-peer', 'pki/etcd/peer', 'etcd/ca'],
  ['etcd-healthcheck-client', 'pki/etcd/healthcheck-client', 'etcd/ca'],
  ['admin.conf', 'admin.conf', 'ca'],
  ['super-admin.conf', 'super-admin.conf', 'ca'],
  ['controller-manager.conf', 'controller-manager.conf', 'ca'],
  ['scheduler.conf', 'scheduler.conf', 'ca'],
] as const;

/** Below this the state of the others is no reason to wait any more: a certificate that ends is worse. Days. */
const URGENT_BELOW_DAYS = 7;

/**
 * kubeadm keeps subject, usages and names of the certificate that it renews, and takes the key's algorithm from ClusterConfiguration
 * (cmd/kubeadm/app/phases/certs/renewal/manager.go, RenewUsingLocalCA). That it is given as a file: kubeadm asks the API otherwise, and
 * falls back to RSA when that is down (cmd/certs.go, getInternalCfg). It works in a directory of its own (--rootfs): there it writes
 * files in place, and what replaces the real ones is checked first, and renamed. What reads them afterwards:
 * - API server, serving: watches the files, and looks once a minute (k8s.io/apiserver, dynamiccertificates).
 * - API server, to kubelets: at each new connection, and every five minutes (client-go/transport/cert_rotation.go); to etcd: at each new
 *   connection (etcd client/pkg/transport/listener.go, GetClientCertificate); as front proxy: as serving (kube-aggregator, aggregator-proxy-cert).
 * - etcd, both ports: at each handshake (same file, GetCertificate).
 * - controller-manager and scheduler: at their start only, so they are ended; the kubelet starts them again, and others take over meanwhile.
 * While an authority is replaced its file holds two; kubeadm would write only the first into kubeconfigs, so the script keeps out of that.
 */
export function renewScript(): string {
  return `#!/bin/sh
# Renews this machine's certificates that end soon. quorate is not needed for it: systemctl start quorate-renew-certificates
set -u
umask 077
PATH=/usr/local/sbin:/usr/local/bin:$PATH
days=\${RENEW_BELOW_DAYS:-${RENEW_BELOW_DAYS}}
kubernetes=${KUBERNETES_DIR}
pki=$kubernetes/pki
state=${RENEWAL_STATE_PATH}
lock=/run/quorate/operator.lock
began=$(date -u +%Y-%m-%dT%H:%M:%SZ)
renewed=
${HELPERS}
# leaves: name, path, authority. Those that lie here, and are due.
leaves='${LEAVES.map((leaf) => leaf.join(' ')).join('\n')}'
due= urgent= keyless=
while read -r name path authority; do
  [ -f "$(file_of "$path")" ] && ends_within "$(file_of "$path")" "$days" || continue
  if [ ! -f "$pki/$authority.key" ]; then keyless="$keyless $name"; continue; fi
  due="$due $name"
  ends_within "$(file_of "$path")" ${URGENT_BELOW_DAYS} && urgent=yes
done <<LEAVES
$leaves
LEAVES
if [ -z "$due" ]; then
  [ -z "$keyless" ] || finish failed "the key of their authority is not on this machine, quorate apply renews them:$keyless"
  echo "nothing ends within $days days"
  exit 0
fi
${PERMISSION}
${RENEWAL}
${RELOAD}
[ -z "$keyless" ] || finish failed "the key of their authority is not on this machine, quorate apply renews them:$keyless"
finish ok
`;
}

const HELPERS = `
# finish OUTCOME [REASON]: leaves what happened for quorate certs check, and ends.
finish() {
  mkdir -p "$(dirname $state)"
  jq -n --arg at "$began" --arg outcome "$1" --arg error "\${2:-}" --arg renewed "$renewed" \\
    '{lastAttempt: $at, outcome: $outcome, renewed: ($renewed | split(" ") | map(select(. != "")))}
     + if $error == "" then {} else {error: $error} end' > $state.new && chmod 0644 $state.new && mv $state.new $state
  echo "$1: renewed\${renewed:- nothing}\${2:+; $2}"
  [ "$1" = ok ]
  exit
}
file_of() { case $1 in *.conf) echo "$kubernetes/$1" ;; *) echo "$kubernetes/$1.crt" ;; esac; }
pem_of() { case $1 in *.conf) sed -n 's/^ *client-certificate-data: *//p' "$1" | base64 -d ;; *) cat "$1" ;; esac; }
# ends_within FILE DAYS: also when it cannot be read.
ends_within() { ! pem_of "$1" 2>/dev/null | openssl x509 -noout -checkend $(($2 * 86400)) >/dev/null 2>&1; }
fingerprint() { openssl x509 -noout -fingerprint -sha256 2>/dev/null; }
`;

/** Whether it may be done now. */
const PERMISSION = `
for authority in ca etcd/ca front-proxy-ca; do
  [ -f "$pki/$authority.crt" ] || continue
  [ "$(grep -c BEGIN "$pki/$authority.crt")" = 1 ] || finish postponed "$authority is being replaced"
done
# Nobody else changes this machine meanwhile: the lock of operators, in their form, for as long as it takes.
mkdir -p "$(dirname $lock)"
me="renewal-$(cat /proc/sys/kernel/random/uuid)"
take() {
  flock -w 5 9 || return 1
  holder=$(head -n 1 $lock 2>/dev/null)
  [ -z "$holder" ] || [ $(($(date +%s) - $(stat -c %Y $lock))) -ge 45 ] || return 1
  printf '%s\\n{"id":"%s","who":"root@%s","verb":"renewal (its timer)","process":{"pid":%d}}\\n' \\
    "$me" "$me" "$(cat /proc/sys/kernel/hostname)" $$ > $lock
}
take 9>"$(dirname $lock)/operator.guard" || finish postponed "somebody is changing the cluster"
work=$kubernetes/.renewal
trap 'rm -rf "$work"; [ "$(head -n 1 $lock 2>/dev/null)" != "$me" ] || rm -f $lock' EXIT
trap 'exit 1' HUP INT TERM

problem() {
  for server in \${API_SERVERS:-}; do
    curl -fsS -o /dev/null --max-time 5 --cacert $pki/ca.crt "https://$server/readyz" 2>/dev/null || { echo "$server is not ready"; return; }
  done
  [ -n "\${HAS_MEMBER:-}" ] || return
  etcdctl --endpoints=https://127.0.0.1:${ETCD_CLIENT_PORT} --cacert=$pki/etcd/ca.crt --cert=$pki/etcd/healthcheck-client.crt \\
    --key=$pki/etcd/healthcheck-client.key endpoint health --cluster >/dev/null 2>&1 || echo "a member of etcd does not answer"
}
reason=$(problem)
if [ -n "$reason" ]; then
  [ -n "$urgent" ] || finish postponed "$reason"
  echo "$reason; something ends within ${URGENT_BELOW_DAYS} days, so it is renewed all the same" >&2
fi
`;

const RENEWAL = `
# kubeadm's own directory, on the same file system, so that renaming is enough.
rm -rf "$work"
mkdir -p "$work$pki/etcd" || finish failed "cannot write below $kubernetes"
for authority in ca etcd/ca front-proxy-ca; do
  for file in $authority.crt $authority.key; do [ ! -f "$pki/$file" ] || ln "$pki/$file" "$work$pki/$file"; done
done
printf 'apiVersion: kubeadm.k8s.io/v1beta4\\nkind: ClusterConfiguration\\nkubernetesVersion: %s\\nencryptionAlgorithm: ECDSA-P256\\n' \\
  "$(kubeadm version -o short)" > "$work/kubeadm.yaml"

# renew NAME PATH AUTHORITY
renew() {
  file=$(file_of "$2") key=
  case $2 in *.conf) ;; *) key=\${file%.crt}.key ;; esac
  cp -p "$file" "$work$file" || return 1
  [ -z "$key" ] || cp -p "$key" "$work$key" || return 1
  kubeadm certs renew "$1" --rootfs "$work" --config /kubeadm.yaml || return 1
  if ends_within "$work$file" 300; then echo "kubeadm left it as it was"; return 1; fi
  pem_of "$work$file" | openssl verify -CAfile "$pki/$3.crt" || return 1
  sync -f "$work"
  [ -z "$key" ] || mv "$work$key" "$key" || return 1
  mv "$work$file" "$file"
}
while read -r name path authority; do
  case " $due " in *" $name "*) ;; *) continue ;; esac
  said=$(renew "$name" "$path" "$authority" 2>&1 </dev/null) || finish failed "$name: $(echo "$said" | tail -n 1)"
  renewed="$renewed $name"
done <<LEAVES
$leaves
LEAVES
`;

const RELOAD = `
# Up to 90 s for each: the API server looks once a minute when it has missed a change.
wait_for() {
  tries=0
  until "$@"; do
    tries=$((tries + 1))
    [ $tries -lt 90 ] || return 1
    [ "$(head -n 1 $lock 2>/dev/null)" != "$me" ] || touch $lock
    sleep 1
  done
}
presents() { [ "$(timeout 4 openssl s_client -connect "$1" </dev/null 2>/dev/null | fingerprint)" = "$(fingerprint < "$2")" ]; }
runs_anew() { now=$(pgrep -f "^$1 ") && [ "$now" != "$2" ]; }
for program in kube-controller-manager kube-scheduler; do
  case " $renewed " in *" \${program#kube-}.conf "*) ;; *) continue ;; esac
  before=$(pgrep -f "^$program ") || continue
  pkill -TERM -f "^$program "
  wait_for runs_anew "$program" "$before" || finish failed "$program did not start again with its new certificate"
done
for port in \${PORTS:-}; do
  wait_for presents "\${port%%=*}" "\${port#*=}" || finish failed "\${port%%=*} does not present \${port#*=}"
done
`;
