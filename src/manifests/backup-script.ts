// The script that makes backups on control planes (ADR 0012, backup/format.ts). POSIX shell, with what a node has: jq, age, util-linux,
// etcd's own programs, and rclone where there is a bucket.
import { RETENTION_FUNCTIONS } from './backup-retention.ts';
import { SNAPSHOT_FUNCTIONS } from './backup-snapshot.ts';
import { BACKUP_CONFIG_DIR, BACKUP_STATE_DIR, TEXTFILE_METRICS_DIR } from './paths.ts';

/** Where everything is. A killed run leaves its pieces in $work and $stage, which the next one and `record` remove. */
const HEAD = `#!/bin/sh
# Written by quorate. run: makes one backup. record: says how the last attempt ended (ExecStopPost). attempt: what run watches over.
set -eu
umask 077
export LC_ALL=C
etc=${BACKUP_CONFIG_DIR}
state=${BACKUP_STATE_DIR}
stage=/run/quorate-backup
metrics=${TEXTFILE_METRICS_DIR}
root=/
. "$etc/config"
retention_seconds=\${QUORATE_BACKUP_RETENTION_SECONDS:-$retention_seconds}
work=$directory/.quorate-backup-$machine
# Of this cluster alone, whatever else lies there: its name, the moment, the machine.
ours="$cluster-????????T??????Z-*"

fail() {
  printf '%s\\n' "$*" >&2
  exit 1
}
`;

/** state.json and the metrics. Both appear whole or not at all. */
const RECORD = `
# Changes state.json: a jq program on what it was, then arguments of jq.
put_state() {
  program=$1
  shift
  before=$(jq -c 'objects' "$state/state.json" 2>/dev/null) || before=
  printf '%s\\n' "\${before:-{\\}}" | jq "$@" "$program" > "$state/.state.json.new"
  sync "$state/.state.json.new"
  mv -f "$state/.state.json.new" "$state/state.json"
}

# Metrics for node_exporter's textfile collector, where there is room for them. A backup is none the worse without.
put_metrics() {
  (umask 022; mkdir -p "$metrics") 2>/dev/null || return 0
  jq -r '
    def metric(name; help; value): value as $v | select($v != null)
      | "# HELP quorate_backup_\\(name) \\(help)\\n# TYPE quorate_backup_\\(name) gauge\\nquorate_backup_\\(name) \\($v)";
    metric("last_success_timestamp_seconds"; "When the snapshot of the last backup that succeeded was taken."; .lastSuccess | values | fromdateiso8601),
    metric("last_attempt_timestamp_seconds"; "When the last attempt began."; .lastAttempt | values | fromdateiso8601),
    metric("last_attempt_success"; "1 when the last attempt succeeded."; if .outcome == "ok" then 1 elif .outcome == "failed" then 0 else null end),
    metric("size_bytes"; "Size of the last archive."; .sizeBytes),
    metric("duration_seconds"; "How long the last attempt took."; .durationSeconds)
  ' "$state/state.json" > "$metrics/.quorate_backup.prom.new" 2>/dev/null || return 0
  chmod 0644 "$metrics/.quorate_backup.prom.new"
  mv -f "$metrics/.quorate_backup.prom.new" "$metrics/quorate_backup.prom"
}

# The attempt is over: what it made, and why it failed where it did. Its pieces go first, so that a full disk has room for this.
finish() {
  if [ -s "$stage/made" ]; then
    put_state '.lastSuccess = $made[0].takenAt | .archive = $made[0].archive | .sizeBytes = $made[0].sizeBytes' --slurpfile made "$stage/made"
  fi
  put_state '.outcome = $outcome | .durationSeconds = (now - (.lastAttempt | fromdateiso8601) | floor)
    | if $error == "" then del(.error) else .error = $error end' --arg outcome "$1" --arg error "\${2:-}"
  put_metrics
  rm -rf -- "$stage"
}

record() {
  install -d -m 0700 "$state" "$stage"
  exec 9>> "$state/lock"
  flock -w 5 9 || exit 0
  if [ "$(jq -r .outcome "$state/state.json" 2>/dev/null)" != running ]; then
    # It has said itself how it ended; or it was ended before it could say that it had begun.
    case \${SERVICE_RESULT:-success} in success|exit-code) exit 0 ;; esac
    put_state '.lastAttempt = (now | floor | todate) | .outcome = "running"'
  fi
  case \${SERVICE_RESULT:-unknown} in
    timeout) why='ran past its deadline' ;;
    signal|core-dump) why="was killed (\${EXIT_STATUS:-signal})" ;;
    success) why='was stopped before it was done' ;;
    *) why="ended before it was done (\${SERVICE_RESULT:-unknown})" ;;
  esac
  rm -rf -- "$work"
  finish failed "$why"
}

run() {
  install -d -m 0700 "$state"
  exec 9>> "$state/lock"
  flock -w 60 9 || fail 'another backup of this machine is being made'
  rm -rf -- "$stage"
  install -d -m 0700 "$stage"
  put_state '.lastAttempt = (now | floor | todate) | .outcome = "running" | del(.error)'
  code=0
  # A process of its own: here its failure is caught, and there the first failing command ends it.
  "$0" attempt 2> "$stage/stderr" || code=$?
  cat "$stage/stderr" >&2
  rm -rf -- "$work"
  if [ "$code" -eq 0 ]; then
    finish ok
  else
    error=$(grep . "$stage/stderr" | tail -n 1 | cut -c 1-500) || error=
    finish failed "\${error:-ended with $code}"
  fi
  exit "$code"
}
`;

/** The order of things. */
const ATTEMPT = `
attempt() {
  grep -q '^age1' "$etc/recipients" 2>/dev/null || fail "$etc/recipients is missing or names nobody: nobody could open a backup"
  [ -d "$directory" ] || install -d -m 0700 "$directory"
  drop_leftovers
  prune_directory
  choose_member
  require_space
  mkdir -m 0700 "$work"
  taken=$(date -u +%Y-%m-%dT%H:%M:%SZ)
  name=$cluster-$(printf %s "$taken" | tr -d ':-')-$machine
  keys_before=$(keys_digest)
  etcdctl snapshot save "$work/snapshot.db" --command-timeout=15m > /dev/null
  revision=$(etcdutl snapshot status "$work/snapshot.db" -w json | jq -er .revision)
  snapshot_bytes=$(stat -c %s "$work/snapshot.db")
  content=$(content_hash "$revision")
  kv=$(hash_kv "$revision")
  touch "$stage/objects"
  facts > "$stage/facts.json"
  collect > "$stage/names"
  tail -n +2 "$stage/names" | (cd "$root" && tar -cf - --no-recursion -T -) | tar -xf - -C "$stage/files"
  [ "$(keys_digest)" = "$keys_before" ] || fail 'the keys of the cluster have been changed meanwhile, so that they may not fit the snapshot; the next backup will be whole'
  (cd "$stage/files" && xargs -d '\\n' sha256sum -- < "$stage/names"; cd "$work" && sha256sum snapshot.db) | digests > "$stage/digests"
  jq --slurpfile files "$stage/digests" '. + { files: $files[0] }' "$stage/facts.json" > "$stage/files/meta.json"
  seal
  label > "$work/label"
  sync "$work/archive" "$work/label"
  mv "$work/archive" "$directory/$name.tar.age"
  mv "$work/label" "$directory/$name.json"
  sync "$directory"
  rm -rf -- "$work"
  if [ -n "$remote" ]; then
    bucket copyto "$directory/$name.tar.age" "$remote/$name.tar.age"
    bucket copyto "$directory/$name.json" "$remote/$name.json"
  fi
  cp "$directory/$name.json" "$stage/made"
  prune_directory
  [ -z "$remote" ] || prune_bucket
}

case \${1:-} in
  run|record|attempt) "$1" ;;
  *) fail 'usage: backup run|record' ;;
esac
`;

/** The whole script: the same text on every control plane; what differs is in its configuration. */
export const BACKUP_SCRIPT: string = HEAD + RECORD + SNAPSHOT_FUNCTIONS + RETENTION_FUNCTIONS + ATTEMPT;
