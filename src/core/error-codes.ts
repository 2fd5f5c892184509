// The one table of error codes; those of backups, recovery and rotations stand in a file of their own. docs/reference/errors.md is generated from it.
import { RECOVERY_ERRORS } from './recovery-error-codes.ts';

/** Exit code by family: what kind of thing went wrong, for scripts. 1 is a defect of quorate itself. */
export const FAMILIES = {
  internal: 1,
  config: 2,
  precondition: 3,
  connect: 4,
  command: 5,
  etcd: 6,
  kube: 7,
  'drill-failed': 8,
  'drill-unknown': 9,
  artifact: 10,
  machine: 11,
  incomplete: 12,
  aborted: 130,
} as const;

/** Errors of one exit code: what a script can tell apart without reading the text. */
export type Family = keyof typeof FAMILIES;

/** What is said of each code. */
export type ErrorTable = Readonly<
  Record<string, { readonly family: Family; readonly meaning: string; readonly hint: string }>
>;

/** Every error a user can meet: its family, what it means, and what usually helps. Text is lower case, as STYLE asks. */
export const ERRORS = {
  INTERNAL: {
    family: 'internal',
    meaning: 'a defect in quorate',
    hint: 'run again with --debug and report the output',
  },
  USAGE: { family: 'config', meaning: 'the command line is wrong', hint: 'see quorate --help' },
  SPEC_NOT_FOUND: {
    family: 'config',
    meaning: 'the cluster file does not exist',
    hint: 'write one with: quorate init',
  },
  SPEC_INVALID: {
    family: 'config',
    meaning: 'cluster.yaml has problems; all are listed',
    hint: 'change the listed lines',
  },
  SPEC_UNSUPPORTED: {
    family: 'config',
    meaning: 'cluster.yaml asks for something this release cannot do yet',
    hint: 'see CHANGELOG.md for what is in which release',
  },
  FILE_EXISTS: { family: 'config', meaning: 'a file would be overwritten', hint: 'pass --force to replace it' },
  NOT_ROOT: {
    family: 'precondition',
    meaning: 'local machines need root',
    hint: 'run the same command with sudo',
  },
  HOST_TOOL_MISSING: {
    family: 'precondition',
    meaning: 'a program that quorate needs is not installed on this host',
    hint: 'run: quorate doctor',
  },
  HOST_UNFIT: {
    family: 'precondition',
    meaning: 'this host cannot carry the cluster (memory, disk, kernel)',
    hint: 'run: quorate doctor',
  },
  NETWORK_CLASH: {
    family: 'precondition',
    meaning: "the cluster's subnet is already in use on this host",
    hint: 'choose another subnet for controlPlaneEndpoint; quorate init picks a free one',
  },
  VIP_TAKEN: {
    family: 'precondition',
    meaning: 'another machine already answers at the virtual IP',
    hint: 'choose a free address for controlPlaneEndpoint',
  },
  LOCKED: {
    family: 'precondition',
    meaning: 'another quorate is working on this cluster',
    hint: 'wait for it to end, or end it',
  },
  CONFIRMATION_NEEDED: {
    family: 'precondition',
    meaning: 'a question could not be asked because standard input is not a terminal',
    hint: 'pass --yes to agree beforehand',
  },
  CLUSTER_NOT_FOUND: {
    family: 'precondition',
    meaning: 'there is no such cluster here',
    hint: 'create it with: quorate up',
  },
  RUN_NOT_FOUND: {
    family: 'precondition',
    meaning: 'no run of that name is in the journal of this host',
    hint: 'run: quorate runs list',
  },
  IMMUTABLE_CHANGE: {
    family: 'precondition',
    meaning: 'a field was changed that a living cluster cannot change',
    hint: 'put the old value back, or build a new cluster under another name',
  },
  VERSION_SKEW: {
    family: 'precondition',
    meaning: 'these versions of Kubernetes may not run together, or there is no such step between them',
    hint: 'upgrade one minor version at a time, every machine before the next one',
  },
  MACHINE_UNREACHABLE: {
    family: 'connect',
    meaning: 'a machine does not answer',
    hint: 'start it with: quorate machine start NAME',
  },
  SSH_AUTH_FAILED: {
    family: 'connect',
    meaning: 'a host refuses the SSH login, or gives no shell after it',
    hint: 'check user and keyPath in cluster.yaml, and authorized_keys on the host',
  },
  SSH_HOST_KEY_CHANGED: {
    family: 'connect',
    meaning: "a host's SSH key is not the one that this host remembers",
    hint: 'if the host was installed anew, forget its old key: ssh-keygen -R HOST',
  },
  SSH_HOST_KEY_UNKNOWN: {
    family: 'connect',
    meaning: "a host's SSH key is not known, and the user's configuration asks for known ones only",
    hint: 'compare its fingerprint and log in once by hand; jump hosts must be known too',
  },
  SUDO_REFUSED: {
    family: 'precondition',
    meaning: 'the SSH user may not run commands as root without a password',
    hint: "on the host, as root: echo 'USER ALL=(root) NOPASSWD: ALL' > /etc/sudoers.d/quorate",
  },
  HOST_PACKAGES_MISSING: {
    family: 'precondition',
    meaning: 'a host lacks packages and neither it nor this host can fetch them',
    hint: 'install the listed packages on the host, or give it access to its package sources',
  },
  API_UNREACHABLE: {
    family: 'connect',
    meaning: 'no API server answers',
    hint: 'run: quorate recover',
  },
  COMMAND_FAILED: { family: 'command', meaning: 'a command ended with an error', hint: 'read its output above' },
  COMMAND_TIMED_OUT: { family: 'command', meaning: 'a command ran past its deadline', hint: 'run again with --debug' },
  COMMAND_NOT_FOUND: {
    family: 'command',
    meaning: 'a program does not exist on that machine',
    hint: 'run: quorate doctor',
  },
  CONFIG_REJECTED: {
    family: 'command',
    meaning: 'a program refuses the configuration that quorate made for it; the old one is still in place',
    hint: 'read its words above; nothing was changed by this step',
  },
  ETCD_QUORUM_AT_RISK: {
    family: 'etcd',
    meaning: 'the step would leave etcd without quorum',
    hint: 'bring the other members back first; quorate status shows which are down',
  },
  API_SERVERS_AT_RISK: {
    family: 'etcd',
    meaning: 'the step would stop the only API server that answers',
    hint: 'bring another one back first; quorate status shows which are down',
  },
  ETCD_MEMBER_LOST: {
    family: 'etcd',
    meaning: 'a member of a living etcd cluster has lost its data',
    hint: 'give it new data: quorate etcd member replace NAME; where the machine is gone too: quorate machine replace NAME',
  },
  ETCD_LEARNER_STUCK: {
    family: 'etcd',
    meaning: 'a new member of etcd did not catch up with the others and was removed again',
    hint: 'look at its log (quorate machine logs NAME) and its disk, then run the same command again',
  },
  ETCD_MEMBER_NOT_FOUND: {
    family: 'etcd',
    meaning: 'etcd has no member of that name, id or address',
    hint: 'run: quorate etcd members',
  },
  ETCD_MEMBER_IN_USE: {
    family: 'etcd',
    meaning: 'a voter is to leave etcd whose machine cluster.yaml still names',
    hint: 'take the machine out of cluster.yaml and apply, or pass --force',
  },
  ETCD_ALARMED: {
    family: 'etcd',
    meaning: 'an alarm of etcd is raised that stops writes and cannot simply be taken back',
    hint: 'run: quorate etcd alarms',
  },
  ETCD_UNAVAILABLE: { family: 'etcd', meaning: 'no etcd member answers', hint: 'run: quorate recover' },
  DRAIN_BLOCKED: {
    family: 'kube',
    meaning:
      'pods could not be moved off a node; each is named with the PodDisruptionBudget or reason that holds it up',
    hint: 'change the replicas or the budget of their workload and run again, or give up with: quorate node uncordon NODE',
  },
  NODE_NOT_FOUND: {
    family: 'kube',
    meaning: 'no Node of that name is in the cluster',
    hint: 'run: quorate node list',
  },
  TOKEN_NOT_FOUND: {
    family: 'kube',
    meaning: 'no bootstrap token of that id is in the cluster',
    hint: 'run: quorate token list',
  },
  NODE_NOT_GOOD: {
    family: 'kube',
    meaning: 'a machine did not become good again after its change',
    hint: 'run: quorate machine logs NAME',
  },
  ROLLED_BACK: {
    family: 'kube',
    meaning: 'a machine did not become good after its change and was put back as it was; the run stopped there',
    hint: 'mend the cause and run the same command again, or return the rest too: quorate upgrade --rollback',
  },
  KUBE_FAILED: { family: 'kube', meaning: 'the Kubernetes API refused a request', hint: 'read the reason above' },
  WAIT_TIMED_OUT: {
    family: 'kube',
    meaning: 'a condition did not become true before its deadline',
    hint: 'run: quorate health, or the same command again: it continues',
  },
  PKI_LOST: {
    family: 'precondition',
    meaning: "etcd has data but no control plane holds the cluster's certificate authorities",
    hint: 'restore a backup, which holds them: quorate restore latest; or remove the cluster with: quorate down',
  },
  FOREIGN_MACHINE: {
    family: 'precondition',
    meaning: 'a machine is part of another cluster than the one that cluster.yaml names',
    hint: "check its address in cluster.yaml; to take it over, clean it first with the other cluster's file: quorate reset NAME",
  },
  PKI_CONFLICT: {
    family: 'precondition',
    meaning: 'control planes hold different certificate authorities',
    hint: 'decide which one is right and remove the other from its machine',
  },
  PKI_LAST_COPY: {
    family: 'precondition',
    meaning: "the machine holds the only copy of the cluster's keys that can be reached",
    hint: 'add another control plane first, or bring one back that holds them; then run the same command again',
  },
  PKI_INVALID: {
    family: 'precondition',
    meaning: 'a certificate or key is damaged, or they do not belong together',
    hint: 'restore the file from another control plane or from a backup of /etc/kubernetes/pki',
  },
  ARTIFACT_UNAVAILABLE: {
    family: 'artifact',
    meaning: 'no source could provide an artifact; every attempt is listed',
    hint: 'give network access, install Go, or pass --bundle DIR',
  },
  ARTIFACT_CORRUPT: {
    family: 'artifact',
    meaning: 'a file in the cache does not have its recorded checksum',
    hint: 'run: quorate artifacts pull',
  },
  MACHINE_FAILED: {
    family: 'machine',
    meaning: 'a local machine could not be made, started or stopped',
    hint: 'run: quorate machine logs NAME',
  },
  MACHINE_NOT_FOUND: {
    family: 'machine',
    meaning: 'no machine of that name is in the cluster',
    hint: 'run: quorate machine list',
  },
  DISK_FULL: {
    family: 'precondition',
    meaning: 'there is no space left on a disk',
    hint: 'free some space, then run again',
  },
  ABORTED: {
    family: 'aborted',
    meaning: 'stopped on request',
    hint: 'the same command continues where this one ended',
  },
  ...RECOVERY_ERRORS,
} as const satisfies ErrorTable;

/** AREA_PROBLEM; stable, for scripts and for tests. Texts are not. */
export type ErrorCode = keyof typeof ERRORS;
