// Part of the script of backups (backup-script.ts): what etcd is asked, and how archive and label are made of it.
import { CONTENT_AWK } from './content-awk.ts';
import { CLUSTER_FILE_PATH } from './paths.ts';

/** A database of this size and an archive have to fit, and something has to be left: etcd may live on the same disk. */
const SPARE_MIB = 64;

/** What the living etcd is asked. */
const ETCD = `
export ETCDCTL_CACERT="$etcd_cacert" ETCDCTL_CERT="$etcd_cert" ETCDCTL_KEY="$etcd_key" ETCDCTL_DIAL_TIMEOUT=5s

# The first member that answers and votes: $ETCDCTL_ENDPOINTS, $etcd_version, $database_bytes.
choose_member() {
  for endpoint in $etcd_endpoints; do
    export ETCDCTL_ENDPOINTS="$endpoint"
    etcdctl endpoint status -w json > "$stage/status" 2> "$stage/why" || continue
    etcd_version=$(jq -er '.[0].Status | select(.isLearner != true) | .version' "$stage/status") || continue
    database_bytes=$(jq -r '.[0].Status.dbSize // 0' "$stage/status")
    return 0
  done
  fail "no member of etcd answers ($etcd_endpoints): $(grep . "$stage/why" | tail -n 1)"
}

# Fills no disk: etcd may live on this one, and would stop.
require_space() {
  free=$(df -Pk "$directory" | awk 'NR == 2 { print $4 }')
  needed=$((database_bytes * 2 / 1024 + ${SPARE_MIB * 1024}))
  [ "$free" -ge "$needed" ] || fail "not enough space in $directory: $((free / 1024)) MiB free, $((needed / 1024)) MiB needed"
}

# Prints the content hash of revision $1; $stage/keys is how many keys that covers, $stage/objects how many of each resource.
content_hash() {
  rm -f "$stage/get.failed"
  {
    etcdctl get '' --prefix --keys-only --rev="$1" -w fields --command-timeout=5m 2> "$stage/why" || : > "$stage/get.failed"
  } | awk '${CONTENT_AWK}' > "$stage/content"
  [ ! -e "$stage/get.failed" ] || fail "the keys of revision $1 cannot be read: $(grep . "$stage/why" | tail -n 1)"
  sed -n 's/^keys\\t//p' "$stage/content" > "$stage/keys"
  [ -s "$stage/keys" ] || fail "the list of keys of revision $1 is not complete"
  sed -n 's/^object\\t//p' "$stage/content" > "$stage/objects"
  sed -n 's/^\\([0-9a-f]\\{64\\}\\) .*/\\1/p' "$stage/content"
}

# etcd's own hash at revision $1, or null: not every member can tell it at any moment.
hash_kv() {
  etcdctl endpoint hashkv --rev="$1" -w json 2>/dev/null |
    jq -ce '.[0].HashKV | select(.hash != null) | { hash: (.hash | tostring), compactRevision: ((.compact_revision // 0) | tostring) }' || echo null
}
`;

/** The archive and its label. */
const ARCHIVE = `
# Copies what the machine has beside etcd to $stage/files, so that what is digested and what is packed are the same. Prints the names, in order.
collect() {
  mkdir "$stage/files"
  cp ${CLUSTER_FILE_PATH} "$stage/files/cluster.yaml"
  echo cluster.yaml
  for shared in $shared_files; do
    [ -f "$root$shared" ] || fail "/$shared is missing"
    echo "$shared"
  done
  (cd "$root" && find etc/kubernetes/manifests -maxdepth 1 -type f -name '*.yaml' | sort)
  (cd "$root" && find etc/kubernetes/kube-apiserver -type f 2>/dev/null | sort)
}

# What the keys are: Secrets in a snapshot can be read only with those that were in use when it was taken.
keys_digest() {
  (cd "$root" && cat $shared_files 2>/dev/null) | sha256sum
}

# The facts that meta data and label share.
facts() {
  jq -n --arg cluster "$cluster" --arg machine "$machine" --arg taken "$taken" --arg kubernetes "$kubernetes_version" \\
    --arg etcd "$etcd_version" --argjson revision "$revision" --argjson bytes "$snapshot_bytes" --arg hash "$content" \\
    --argjson keys "$(cat "$stage/keys")" --argjson kv "$kv" --rawfile objects "$stage/objects" '
    { format: 1, cluster: $cluster, machine: $machine, takenAt: $taken, kubernetesVersion: $kubernetes, etcdVersion: $etcd,
      revision: $revision, snapshotBytes: $bytes, contentHash: $hash, keys: $keys,
      objects: ($objects | split("\\n") | map(select(. != "") | split("\\t") | { key: .[0], value: (.[1] | tonumber) }) | sort_by(.key) | from_entries) }
    + (if $kv == null then {} else { hashKV: $kv } end)'
}

# sha256sum's lines on standard input as an object.
digests() {
  jq -R -s 'split("\\n") | map(select(. != "") | { key: .[66:], value: .[:64] }) | from_entries'
}

# Files of $stage, then the snapshot, sealed. No program of a pipe may fail unseen.
seal() {
  rm -f "$stage/tar.failed"
  {
    tar --format=gnu --owner=root:0 --group=root:0 --numeric-owner --mtime="$taken" --no-recursion -cf - \\
      -C "$stage/files" meta.json -T "$stage/names" -C "$work" snapshot.db || : > "$stage/tar.failed"
  } | age -R "$etc/recipients" -o "$work/archive"
  [ ! -e "$stage/tar.failed" ] || fail 'the archive could not be packed'
}

# The label, last of all: an archive without one is none.
label() {
  locked=/dev/null
  [ ! -s "$etc/identity.age" ] || locked=$etc/identity.age
  jq --arg archive "$name.tar.age" --argjson size "$(stat -c %s "$work/archive")" --arg sum "$(sha256sum < "$work/archive" | cut -c 1-64)" \\
    --rawfile recipients "$etc/recipients" --rawfile locked "$locked" '
    . + { archive: $archive, sizeBytes: $size, sha256: $sum,
      recipients: ($recipients | split("\\n") | map(gsub("^\\\\s+|\\\\s+$"; "") | select(. != "" and (startswith("#") | not)))) }
    + (if $locked == "" then {} else { lockedIdentity: $locked } end)' "$stage/facts.json"
}
`;

/** Functions of the script: choose_member, require_space, content_hash, hash_kv, collect, facts, digests, seal, label. */
export const SNAPSHOT_FUNCTIONS: string = ETCD + ARCHIVE;
