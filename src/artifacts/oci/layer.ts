// The file tree of an image, as the entries of its one layer: sorted, parents first, the same bytes on every host.
import { dirname } from 'node:path';
import { type TarEntry, textEntry } from './tar.ts';

const PASSWD = 'root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n';
const GROUP = 'root:x:0:\nnobody:x:65534:\n';
/** Programs with the Go or glibc resolver then read /etc/hosts first, which holds the pod's own name. */
const NSSWITCH = 'hosts: files dns\n';

/** What every image has: users, name look-up order, a /tmp for all. Paths have no leading slash. */
const BASE: readonly TarEntry[] = [
  textEntry('etc/group', GROUP),
  textEntry('etc/nsswitch.conf', NSSWITCH),
  textEntry('etc/passwd', PASSWD),
  { type: 'directory', path: 'tmp', mode: 0o1777 },
];

/** Entries of a layer that holds the given files and directories: base files and missing parents are added. */
export function layerEntries(content: readonly TarEntry[]): readonly TarEntry[] {
  const byPath = new Map([...BASE, ...content].map((entry) => [entry.path, entry]));
  for (const path of [...byPath.keys()]) {
    for (let parent = dirname(path); parent !== '.'; parent = dirname(parent)) {
      if (!byPath.has(parent)) byPath.set(parent, { type: 'directory', path: parent, mode: 0o755 });
    }
  }
  // By code unit, not by locale: the digest must not depend on the user's language.
  return [...byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}
