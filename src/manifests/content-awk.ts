// What the keys of etcd amount to, by one program wherever it is asked (ADR 0012): in the script of backups, on restored members, in rehearsals.

/**
 * For awk(1) under LC_ALL=C, over what `etcdctl get '' --prefix --keys-only -w fields` prints: Key, CreateRevision, ModRevision, Version, Value
 * and Lease, a line each, and Count at the end. Keys with a lease expire while nobody looks and are left out. Prints sha256sum's line over
 * `key TAB mod revision TAB version LF` of each key, then, separated by tabs, `object RESOURCE N` and, when the list was complete, `keys N`.
 * It holds no single quote.
 */
export const CONTENT_AWK = `
index($0, "\\"Key\\" : \\"") == 1 { key = substr($0, 10, length($0) - 10); next }
$1 == "\\"ModRevision\\"" { revision = $3; next }
$1 == "\\"Version\\"" { version = $3; next }
$1 == "\\"Count\\"" { count = $3; next }
$1 == "\\"Lease\\"" {
  seen++
  if ($3 != "0") next
  keys++
  printf "%s\\t%s\\t%s\\n", key, revision, version | "sha256sum"
  parts = split(key, part, "/")
  if (part[1] != "" || part[2] != "registry" || parts < 4) next
  objects[index(part[3], ".") ? part[3] "/" part[4] : part[3]]++
}
END {
  if (keys == 0) printf "" | "sha256sum"
  close("sha256sum")
  for (name in objects) printf "object\\t%s\\t%d\\n", name, objects[name]
  if (seen > 0 && seen == count) printf "keys\\t%d\\n", keys
}`;
