// What a person finds when they log in to a control plane.
import { certificatePath, keyPath } from '../pki/names.ts';
import { ETCD_CLIENT_PORT } from './paths.ts';

/**
 * /etc/profile.d/quorate.sh: kubectl and etcdctl work without flags. etcdctl ends with an error when a flag and its ETCDCTL_
 * variable are both there (go.etcd.io/etcd/pkg/v3/flags, "shadowed by corresponding command-line flag"), so nothing is exported:
 * a function adds just those flags that were not given. Every command of requirements 1 and 3 works as it is printed.
 */
export function shellProfile(): string {
  return `# Written by quorate.
case ":$PATH:" in
  *:/usr/local/bin:*) ;;
  *) PATH="/usr/local/sbin:/usr/local/bin:$PATH" ;;
esac
export KUBECONFIG="\${KUBECONFIG:-/etc/kubernetes/admin.conf}"

# etcdctl with this machine's member and certificates, unless the command line or the environment names others.
etcdctl() (
  # Version 3 is all there is since etcd 3.6, which warns about the variable.
  unset ETCDCTL_API
  for argument in "$@"; do
    case $argument in
      --endpoints|--endpoints=*) ETCDCTL_ENDPOINTS=- ;;
      --cacert|--cacert=*) ETCDCTL_CACERT=- ;;
      --cert|--cert=*) ETCDCTL_CERT=- ;;
      --key|--key=*) ETCDCTL_KEY=- ;;
    esac
  done
  [ -n "\${ETCDCTL_ENDPOINTS:-}" ] || set -- --endpoints=https://127.0.0.1:${ETCD_CLIENT_PORT} "$@"
  [ -n "\${ETCDCTL_CACERT:-}" ] || set -- --cacert=${certificatePath('etcd/ca')} "$@"
  [ -n "\${ETCDCTL_CERT:-}" ] || set -- --cert=${certificatePath('etcd/healthcheck-client')} "$@"
  [ -n "\${ETCDCTL_KEY:-}" ] || set -- --key=${keyPath('etcd/healthcheck-client')} "$@"
  for variable in ENDPOINTS CACERT CERT KEY; do
    eval "[ \\"\\\${ETCDCTL_$variable:-}\\" != - ]" || unset "ETCDCTL_$variable"
  done
  command etcdctl "$@"
)
`;
}
