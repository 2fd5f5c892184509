// The shape of cluster.yaml. Descriptions, examples and patterns go to the JSON Schema for editors and to the reference
// page; what one value alone cannot show (overlaps, counts, duplicates) is checked in checks/.
import * as z from 'zod';
import { snapshots } from './backup-schema.ts';
import { CIDR_PATTERN, IPV4_PATTERN } from './cidr.ts';
import { DEFAULTS } from './defaults.ts';
import * as syntax from './syntax.ts';

const label = () =>
  z.string().regex(syntax.LABEL_NAME, {
    error: 'is not a valid name: lower-case letters, digits and -, at most 63 characters (RFC 1123 label)',
  });
const cidr = () => z.string().regex(CIDR_PATTERN, { error: 'is not an IPv4 network (address/prefix length)' });
const ipv4 = () => z.string().regex(IPV4_PATTERN, { error: 'is not an IPv4 address' });

const taint = z.strictObject({
  key: z.string().meta({ description: 'Key of the taint.', examples: ['dedicated'] }),
  value: z
    .string()
    .regex(syntax.LABEL_VALUE, { error: 'is not a valid taint value: at most 63 letters, digits, -, _ and .' })
    .optional()
    .meta({ description: 'Value of the taint.', examples: ['database'] }),
  effect: z
    .enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute'])
    .meta({ description: 'What happens to pods that do not tolerate it.', examples: ['NoSchedule'] }),
});

const local = z.strictObject({
  memory: z
    .string()
    .regex(syntax.MEMORY, { error: 'is not an amount of memory (a number with MiB or GiB)' })
    .optional()
    .meta({ description: 'Most memory that the machine may use. Without it: no limit.', examples: ['4GiB'] }),
  cpus: z
    .number()
    .positive()
    .max(1024)
    .optional()
    .meta({
      description: 'Most processor time that the machine may use, in CPUs. Without it: no limit.',
      examples: [2],
    }),
});

const ssh = z.strictObject({
  host: z
    .string()
    .min(1)
    .meta({ description: 'Name or address to connect to; names of ~/.ssh/config work.', examples: ['192.0.2.12'] }),
  user: z
    .string()
    .min(1)
    .default(DEFAULTS.sshUser)
    .meta({ description: 'User to log in as: root, or one who may use sudo without a password.', examples: ['ops'] }),
  port: z
    .int()
    .min(1)
    .max(65535)
    .default(DEFAULTS.sshPort)
    .meta({ description: 'Port of the SSH server.', examples: [22] }),
  keyPath: z
    .string()
    .min(1)
    .optional()
    .meta({
      description: "Private key. Without it: what OpenSSH's own configuration and agent offer.",
      examples: ['~/.ssh/id_ed25519'],
    }),
});

const fake = z.strictObject({
  latencyMs: z
    .int()
    .min(0)
    .max(60_000)
    .default(0)
    .meta({ description: 'How long each command takes, milliseconds.', examples: [5] }),
});

const machine = z.strictObject({
  name: label().meta({ description: 'Host name, node name and etcd member name. Unique.', examples: ['cp1'] }),
  role: z.enum(['control-plane', 'worker', 'etcd', 'loadbalancer']).meta({
    description:
      'control-plane: API server, scheduler, controller manager and, with stacked etcd, an etcd member. worker: carries pods. ' +
      'loadbalancer: balances the API servers and may hold the virtual IP; without any, the control planes do. etcd: carries a member of external etcd.',
    examples: ['control-plane'],
  }),
  zone: z
    .string()
    .min(1)
    .regex(syntax.LABEL_VALUE, { error: 'is not a valid zone: at most 63 letters, digits, -, _ and .' })
    .optional()
    .meta({ description: 'Failure zone; becomes the node label topology.kubernetes.io/zone.', examples: ['a'] }),
  address: ipv4()
    .optional()
    .meta({
      description:
        "IPv4 address that the other machines reach it by. Local machines without one get the next free address of the endpoint's " +
        '/24, in the order of this list: control planes from .11, workers from .21. A machine added at the end never moves others; ' +
        'removing one moves those behind it that have no address of their own. For ssh the default is ssh.host.',
      examples: ['10.87.0.11'],
    }),
  labels: z
    .record(
      z.string(),
      z
        .string()
        .regex(syntax.LABEL_VALUE, { error: 'is not a valid label value: at most 63 letters, digits, -, _ and .' }),
    )
    .default({})
    .meta({ description: 'Node labels beyond those of the role.', examples: [{ disk: 'ssd' }] }),
  taints: z
    .array(taint)
    .default([])
    .meta({
      description: 'Node taints beyond those of the role.',
      examples: [[{ key: 'dedicated', effect: 'NoSchedule' }]],
    }),
  local: local.optional().meta({ description: 'The machine is made on this host (systemd-nspawn).', examples: [{}] }),
  ssh: ssh.optional().meta({
    description: 'The machine is a host of yours, reached over SSH.',
    examples: [{ host: '192.0.2.12', user: 'ops' }],
  }),
  fake: fake
    .optional()
    .meta({ description: 'The machine is imitated in memory; for tests.', examples: [{ latencyMs: 0 }] }),
});

const networking = z.strictObject({
  podSubnet: cidr()
    .default(DEFAULTS.podSubnet)
    .meta({
      description: 'Addresses of pods. Each node takes a /24 of it.',
      examples: ['10.42.0.0/16'],
    }),
  serviceSubnet: cidr()
    .default(DEFAULTS.serviceSubnet)
    .meta({
      description: 'Addresses of Services; the first is the API, the tenth the DNS. From /12 to /28.',
      examples: ['10.43.0.0/16'],
    }),
  dnsDomain: z
    .string()
    .default(DEFAULTS.dnsDomain)
    .meta({
      description: 'DNS domain of Services and pods.',
      examples: ['cluster.local'],
    }),
  cni: z
    .literal('flannel')
    .default('flannel')
    .meta({
      description: 'Pod network: flannel with VXLAN on UDP port 8472.',
      examples: ['flannel'],
    }),
});

const etcd = z.strictObject({
  topology: z
    .enum(['stacked', 'external'])
    .default('stacked')
    .meta({
      description: 'stacked: an etcd member on each control plane. external: on machines of role etcd.',
      examples: ['stacked'],
    }),
  snapshots: snapshots.prefault({}).meta({
    description: 'Regular backups: etcd, keys and configuration, sealed.',
    examples: [{ schedule: '0 */6 * * *', retention: '7d' }],
  }),
});

const spec = z.strictObject({
  kubernetesVersion: z
    .string()
    .regex(syntax.KUBERNETES_VERSION, { error: 'is not a Kubernetes version (vMAJOR.MINOR.PATCH)' })
    .meta({ description: 'Version of Kubernetes on all machines.', examples: ['v1.36.3'] }),
  controlPlaneEndpoint: z
    .string()
    .regex(syntax.ENDPOINT, { error: 'is not host:port' })
    .meta({
      description:
        'What every client talks to, as host:port: the virtual IP, or a DNS name with a load balancer of your own. The port is ' +
        `${DEFAULTS.port} when left out. Local machines live in the /24 around the virtual IP; this host is its .1.`,
      examples: ['10.87.0.10:6443'],
    }),
  certSANs: z
    .array(z.string())
    .default([...DEFAULTS.certSANs])
    .meta({
      description: "More DNS names and IP addresses for the API servers' certificates.",
      examples: [['localhost', '127.0.0.1']],
    }),
  networking: networking.prefault({}).meta({
    description: 'Networks inside the cluster.',
    examples: [{ podSubnet: '10.42.0.0/16' }],
  }),
  loadBalancer: z
    .strictObject({
      type: z
        .enum(['haproxy', 'nginx', 'external'])
        .default('haproxy')
        .meta({
          description:
            'haproxy: HAProxy, with keepalived for the virtual IP, on the machines of role loadbalancer or, without any, on the control ' +
            'planes. It asks every API server whether it is ready. nginx: NGINX in its place, which learns of a dead API server from ' +
            'connections that fail. external: a load balancer of your own at controlPlaneEndpoint, which may be a name then.',
          examples: ['haproxy'],
        }),
    })
    .prefault({})
    .meta({ description: 'What spreads clients over the API servers.', examples: [{ type: 'haproxy' }] }),
  etcd: etcd
    .prefault({})
    .meta({ description: 'Where etcd runs and how it is saved.', examples: [{ topology: 'stacked' }] }),
  failover: z
    .enum(['default', 'fast'])
    .default('default')
    .meta({
      description: "default: leader leases of 15s/10s/2s, upstream's values. fast: shorter ones; not in this release.",
      examples: ['default'],
    }),
  machines: z.array(machine).meta({
    description: 'The machines. An odd number of control planes, at most 7; 3 survive the loss of any one.',
    examples: [[{ name: 'cp1', role: 'control-plane', local: {} }]],
  }),
});

/** cluster.yaml. Every object refuses keys it does not know. */
export const clusterSchema = z.strictObject({
  apiVersion: z
    .literal('quorate/v1alpha1')
    .meta({ description: 'Version of this format.', examples: ['quorate/v1alpha1'] }),
  kind: z.literal('Cluster').meta({ description: 'Kind of the document.', examples: ['Cluster'] }),
  metadata: z
    .strictObject({
      name: label().meta({
        description: 'Name of the cluster, at most 32 characters.',
        examples: ['demo'],
      }),
    })
    .meta({ description: 'What the cluster is called.', examples: [{ name: 'demo' }] }),
  spec: spec.meta({ description: 'What the cluster is to be.', examples: [{ kubernetesVersion: 'v1.36.3' }] }),
});

/** cluster.yaml as written: defaults may be missing. */
export type ClusterInput = z.input<typeof clusterSchema>;
/** cluster.yaml with its defaults. */
export type ClusterFile = z.output<typeof clusterSchema>;
/** One entry of spec.machines with its defaults. */
export type MachineFile = ClusterFile['spec']['machines'][number];
