// Part of the one table of error codes (error-codes.ts): backups, restore, recovery, rotations.
import type { ErrorTable } from './error-codes.ts';

/** Errors of what keeps a cluster from being lost, and of bringing it back. */
export const RECOVERY_ERRORS = {
  QUORUM_RECOVERY_UNFINISHED: {
    family: 'precondition',
    meaning: 'a recovery of the quorum was ended half-way; empty stand-ins still vote for lost members',
    hint: 'end it first: quorate recover says with which command',
  },
  RESTORE_UNPROVED: {
    family: 'etcd',
    meaning: 'what was restored is not what was backed up, or something still holds on to the state of before',
    hint: 'nothing of before is lost: its data lies in /var/lib/etcd/before-restore-*; restore another archive (quorate etcd snapshot list)',
  },
  ARCHIVE_DAMAGED: {
    family: 'artifact',
    meaning: 'a backup is not whole: truncated, changed, or not a backup at all',
    hint: 'take another one: quorate etcd snapshot list',
  },
  ARCHIVE_LOCKED: {
    family: 'precondition',
    meaning: 'a backup cannot be opened with the keys at hand',
    hint: 'pass the identity with --identity FILE, or its passphrase with --passphrase-file FILE',
  },
  ARCHIVE_VERSION: {
    family: 'precondition',
    meaning: 'a backup was made by another minor version of etcd than the one that is to read it',
    hint: 'use it with the version of Kubernetes that it was made with',
  },
  ARCHIVE_NOT_FOUND: {
    family: 'precondition',
    meaning: 'there is no such backup where backups of the cluster are kept',
    hint: 'run: quorate etcd snapshot list',
  },
  WRONG_CLUSTER: {
    family: 'precondition',
    meaning: 'a backup is of another cluster than the one that cluster.yaml names',
    hint: 'pass the cluster file that belongs to it with -f',
  },
  BACKUP_FAILED: {
    family: 'etcd',
    meaning: 'a control plane could not make a backup',
    hint: 'run: quorate machine exec NAME -- journalctl -u quorate-backup.service',
  },
  STORE_UNREACHABLE: {
    family: 'connect',
    meaning: 'the bucket that backups are kept in does not answer, or refuses',
    hint: 'check endpoint, bucket and credentialsFile of etcd.snapshots.s3 in cluster.yaml',
  },
  SEALING_KEY_UNUSABLE: {
    family: 'precondition',
    meaning: 'the key that backups are sealed with is damaged, or does not open with this passphrase',
    hint: 'check the passphrase, or use the key file of the operator who made the cluster',
  },
  CREDENTIALS_UNREADABLE: {
    family: 'precondition',
    meaning:
      'a file with credentials that cluster.yaml names cannot be read on this host, and the machines do not have it yet',
    hint: 'put the file there, readable for you, or change etcd.snapshots.s3.credentialsFile',
  },
  ROTATION_UNFINISHED: {
    family: 'precondition',
    meaning: 'a rotation of authorities or keys was ended half-way, or another one is under way',
    hint: 'run the command that it names: it goes on where it ended',
  },
  ROTATION_REFUSED: {
    family: 'precondition',
    meaning: 'a rotation cannot take this step now',
    hint: 'see docs/runbooks/',
  },
} as const satisfies ErrorTable;
