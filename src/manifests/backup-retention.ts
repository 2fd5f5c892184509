// Part of the script of backups (backup-script.ts): copies in a bucket, and what is removed when.

/** Functions of the script: bucket, prune_directory, prune_bucket, drop_leftovers. */
export const RETENTION_FUNCTIONS: string = `
bucket() {
  AWS_SHARED_CREDENTIALS_FILE=$etc/s3-credentials rclone --config "$etc/rclone.conf" --retries 3 --contimeout 15s --timeout 2m "$@"
}

# Prints names (without suffix) that are older than the retention: labels lie in $1, "SIZE NAME" of what lies beside them in $2. The newest
# good one, whose label can be read and whose archive has the size that it says, always stays.
expired() {
  for file in "$1"/$ours.json; do
    [ -f "$file" ] || continue
    item=\${file##*/}
    item=\${item%.json}
    size=$(awk -v name="$item.tar.age" '$2 == name { print $1 }' "$2")
    jq -er --arg cluster "$cluster" --arg item "$item" --arg size "$size" 'select(.cluster == $cluster)
      | "\\(.takenAt | fromdateiso8601) \\(if (.sizeBytes | tostring) == $size then "good" else "bad" end) \\($item)"' "$file" 2>/dev/null ||
      echo "$(moment_of "$item") bad $item"
  done | sort -n > "$stage/ages"
  # Archives without label, which a run that was ended has left.
  while read -r _ file; do
    case $file in
      $ours.tar.age) [ -e "$1/\${file%.tar.age}.json" ] || echo "$(moment_of "\${file%.tar.age}") bad \${file%.tar.age}" ;;
    esac
  done < "$2" >> "$stage/ages"
  awk -v cutoff="$(($(date +%s) - retention_seconds))" '
    { age[$3] = $1 } $2 == "good" { newest = $3 }
    END { for (name in age) if (age[name] < cutoff && name != newest) print name }' "$stage/ages"
}

# Seconds since the epoch by the name of an archive: CLUSTER-20261121T114500Z-MACHINE.
moment_of() {
  moment=$(printf '%s\\n' "\${1#"$cluster"-}" | sed 's/^\\(....\\)\\(..\\)\\(..\\)T\\(..\\)\\(..\\)\\(..\\)Z.*/\\1-\\2-\\3 \\4:\\5:\\6 UTC/')
  date -u -d "$moment" +%s 2>/dev/null || date +%s
}

# Labels go first: what is left of a removal that was ended is an archive without label, which goes the next time.
prune_directory() {
  (cd "$directory" && find . -maxdepth 1 -type f -name '*.tar.age' -printf '%s %f\\n') > "$stage/sizes"
  for old in $(expired "$directory" "$stage/sizes"); do rm -f -- "$directory/$old.json" "$directory/$old.tar.age"; done
}

prune_bucket() {
  rm -rf "$stage/labels"
  mkdir "$stage/labels"
  bucket copy "$remote" "$stage/labels" --max-depth 1 --include "/$ours.json"
  bucket lsf "$remote" --files-only --format sp --separator ' ' --include "/$ours.tar.age" > "$stage/sizes"
  for old in $(expired "$stage/labels" "$stage/sizes"); do
    [ ! -e "$stage/labels/$old.json" ] || bucket deletefile "$remote/$old.json"
    ! grep -q " $old.tar.age$" "$stage/sizes" || bucket deletefile "$remote/$old.tar.age"
  done
}

# What killed runs of this machine have left: nobody else writes its names, and the lock is held.
drop_leftovers() {
  rm -rf -- "$work"
  for file in "$directory/$cluster"-????????T??????Z-"$machine".tar.age; do
    [ ! -f "$file" ] || [ -e "\${file%.tar.age}.json" ] || rm -f -- "$file"
  done
}
`;
