// What a control plane needs to make backups by itself (ADR 0012): script, units, configuration, and the cluster.yaml that goes along.

import { perObject } from '../core/per-object.ts';
import { shellQuote } from '../core/quote.ts';
import { certificatePath, keyPath } from '../pki/names.ts';
import { sharedPathsOf } from '../pki/placement.ts';
import { clusterFileText } from '../spec/export.ts';
import { type ClusterSpec, controlPlanes, etcdMachines, type MachineSpec, type S3Spec } from '../spec/types.ts';
import { BACKUP_SCRIPT } from './backup-script.ts';
import { BACKUP_PATH, BACKUP_SERVICE, BACKUP_TIMER, backupTimer, backupUnit } from './backup-units.ts';
import { type RenderedFile, rootFile, scriptFile, textFile } from './file.ts';
import { BACKUP_CONFIG_DIR, CLUSTER_FILE_PATH, ETCD_CLIENT_PORT, RECIPIENTS_PATH, UNITS_DIR } from './paths.ts';

/**
 * The files of a control plane for its backups; none on other machines. Not among them, because cluster.yaml does not say what is in them:
 * the recipients of a cluster whose key quorate makes, the locked identity, and the credentials of the bucket.
 */
export function backupFiles(spec: ClusterSpec, machine: MachineSpec): readonly RenderedFile[] {
  if (machine.role !== 'control-plane') return [];
  const { schedule, recipients, s3 } = spec.etcd.snapshots;
  const names = controlPlanes(spec).map(({ name }) => name);
  const slot = names.sort().indexOf(machine.name);
  return [
    textFile(CLUSTER_FILE_PATH, clusterFile(spec)),
    textFile(`${BACKUP_CONFIG_DIR}/config`, backupConfig(spec, machine)),
    ...(recipients.length === 0 ? [] : [recipientsFile(recipients)]),
    ...(s3 === undefined ? [] : [rootFile(`${BACKUP_CONFIG_DIR}/rclone.conf`, rcloneConfig(s3))]),
    scriptFile(BACKUP_PATH, BACKUP_SCRIPT),
    textFile(`${UNITS_DIR}/${BACKUP_SERVICE}`, backupUnit()),
    textFile(`${UNITS_DIR}/${BACKUP_TIMER}`, backupTimer(schedule, slot, names.length), { restarts: BACKUP_TIMER }),
  ];
}

/** The same on every control plane, and it names all machines: written once for each specification. */
const clusterFile = perObject(clusterFileText);

/** /etc/quorate/backup/recipients */
export function recipientsFile(recipients: readonly string[]): RenderedFile {
  return textFile(RECIPIENTS_PATH, `${recipients.join('\n')}\n`);
}

/** /etc/quorate/backup/config: what the script sources. */
function backupConfig(spec: ClusterSpec, machine: MachineSpec): string {
  const { directory, retention, s3 } = spec.etcd.snapshots;
  const isExternal = spec.etcd.topology === 'external';
  // With stacked etcd its own member; else whichever answers, with the certificate that the API server has for it.
  const hosts = isExternal ? etcdMachines(spec).map(({ address }) => address) : ['127.0.0.1'];
  const client = isExternal ? 'apiserver-etcd-client' : 'etcd/healthcheck-client';
  const values = {
    cluster: spec.name,
    machine: machine.name,
    directory,
    retention_seconds: String(secondsOf(retention)),
    kubernetes_version: spec.kubernetesVersion,
    etcd_endpoints: hosts.map((host) => `https://${host}:${ETCD_CLIENT_PORT}`).join(' '),
    etcd_cacert: certificatePath('etcd/ca'),
    etcd_cert: certificatePath(client),
    etcd_key: keyPath(client),
    // As they are called in the archive: relative to the root directory.
    shared_files: sharedPathsOf(spec, machine)
      .map((path) => path.slice(1))
      .join(' '),
    remote: s3 === undefined ? '' : remoteOf(s3),
  };
  const lines = Object.entries(values).map(([name, value]) => `${name}=${shellQuote(value)}\n`);
  return `# Written by quorate: what ${BACKUP_PATH} reads.\n${lines.join('')}`;
}

/** Where archives lie in the bucket, in rclone's words. */
function remoteOf({ bucket, prefix }: S3Spec): string {
  return `s3:${bucket}${prefix === '' ? '' : `/${prefix}`}`;
}

/**
 * rclone.conf. Credentials come from a file that the script names (env_auth). The bucket has to exist: who may write into it need not be
 * allowed to make one.
 */
function rcloneConfig({ endpoint, region }: S3Spec): string {
  return `# Written by quorate.
[s3]
type = s3
provider = Other
env_auth = true
endpoint = ${endpoint}
region = ${region}
force_path_style = true
no_check_bucket = true
`;
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { m: 60, h: 3600, d: 86_400, w: 604_800 };

/** Seconds of a retention such as 7d. */
function secondsOf(retention: string): number {
  return Number(retention.slice(0, -1)) * (UNIT_SECONDS[retention.slice(-1)] ?? 0);
}
