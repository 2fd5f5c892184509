// The commands of requirements 1.
import { type RequirementCommand, SERVER, SNAPSHOT, STATUS_GONE, THREE_HEALTHY, THREE_STARTED } from './command.ts';

export const TEXT_1: readonly RequirementCommand[] = [
  {
    text: 1,
    printed: 'kubectl get nodes -o wide',
    expect: [/cp1 +Ready/, /cp3 +Ready/, /w2 +Ready/],
    never: [/NotReady/],
  },
  {
    text: 1,
    printed: 'kubectl get pods -n kube-system -o wide',
    expect: [
      /kube-apiserver-cp1 +1\/1/,
      /kube-controller-manager-cp2 +1\/1/,
      /kube-scheduler-cp3 +1\/1/,
      /etcd-cp3 +1\/1/,
    ],
  },
  {
    text: 1,
    printed: 'kubectl get endpoints -n kube-system',
    expect: [/kube-dns +10\.42\./],
    moved: {
      why: 'Endpoints still answer but are deprecated since Kubernetes 1.33 in favour of EndpointSlices',
      command: 'kubectl get endpointslices -n kube-system',
      expect: [/kube-dns-\w+ +IPv4/],
    },
  },
  {
    text: 1,
    printed: 'kubectl get leases -n kube-system',
    expect: [/kube-controller-manager +cp[123]_/, /kube-scheduler +cp[123]_/],
  },
  {
    text: 1,
    printed: 'kubectl describe lease kube-controller-manager -n kube-system',
    expect: [/Holder Identity: +cp[123]_/, /Lease Duration Seconds: +15/],
  },
  {
    text: 1,
    printed: 'kubectl describe lease kube-scheduler -n kube-system',
    expect: [/Holder Identity: +cp[123]_/, /Lease Duration Seconds: +15/],
  },
  {
    text: 1,
    printed: 'cat /etc/kubernetes/manifests/kube-apiserver.yaml',
    expect: [/kind: Pod/, /--etcd-servers=https:\/\//, /--etcd-cafile=\/etc\/kubernetes\/pki\/etcd\/ca\.crt/],
  },
  { text: 1, printed: 'ETCDCTL_API=3 etcdctl member list', expect: THREE_STARTED },
  { text: 1, printed: 'ETCDCTL_API=3 etcdctl endpoint health --cluster', expect: THREE_HEALTHY },
  {
    text: 1,
    printed: `ETCDCTL_API=3 etcdctl snapshot save snapshot.db --endpoints=https://127.0.0.1:2379 ${SERVER}`,
    command: `cd /tmp && ETCDCTL_API=3 etcdctl snapshot save ${SNAPSHOT} --endpoints=https://127.0.0.1:2379 ${SERVER}`,
    expect: [/Snapshot saved at/],
  },
  {
    text: 1,
    printed: 'ETCDCTL_API=3 etcdctl snapshot status snapshot.db',
    command: `ETCDCTL_API=3 etcdctl snapshot status ${SNAPSHOT}`,
    exitCode: null,
    expect: [/etcdctl snapshot <subcommand>/],
    moved: {
      why: STATUS_GONE,
      command: `etcdutl snapshot status ${SNAPSHOT} --write-out=table`,
      expect: [/HASH.*REVISION.*TOTAL KEYS/],
    },
  },
];
