// What lies in the directory between the process that sets the stage and those that play on it.

/** The ClusterSpec. */
export const SPEC_FILE = 'spec.json';
/** cluster.yaml of as many machines. */
export const YAML_FILE = 'cluster.yaml';
/** etcd as observed. */
export const ETCD_FILE = 'etcd.json';
/** What the facts script prints, a file a machine. */
export const FACTS_DIR = 'facts';
/** The kubeconfig of the operator, and where it lies on a control plane. */
export const OPERATOR_FILE = 'operator.conf';
export const OPERATOR_KUBECONFIG = '/etc/kubernetes/super-admin.conf';
