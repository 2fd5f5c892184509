// Files on a machine by way of commands: the same for every driver that can run argv and feed standard input.
import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import type { ExecOptions, ExecResult } from '../core/command.ts';
import type { Context } from '../core/context.ts';
import { packFiles } from '../core/tar.ts';
import type { FileContent, Machine } from './machine.ts';

/** Runs argv on the machine: Machine.exec. */
export type Exec = (ctx: Context, argv: readonly string[], options?: ExecOptions) => Promise<ExecResult>;

/** Beside its target, because rename(2) is atomic within one file system only. The kubelet ignores names with a dot. */
const PREFIX = '.quorate-';
/** exit code of READ_SCRIPT for "there is no such file". */
const NO_SUCH_FILE = 44;
/** A large file over a slow line; the usual command deadline is too short. */
const UPLOAD_DEADLINE_MS = 30 * 60_000;

/**
 * Arguments: directories, temporary names (both one a line), then the paths in order. Standard input: a tar archive of the
 * temporary files. Everything is on disk before the first rename, and the renames are before it returns. What a killed run
 * left in these directories is removed after ten minutes.
 */
const WRITE_SCRIPT = `set -euf
umask 022
IFS='
'
dirs=$1 temporaries=$2
shift 2
trap 'rm -f -- $temporaries' EXIT
trap 'exit 1' HUP INT TERM
for dir in $dirs; do [ -d "$dir" ] || mkdir -p -- "$dir"; done
find $dirs -maxdepth 1 -name '${PREFIX}*' -type f -mmin +10 -delete
tar -x -p -m -f - -C /
sync -- $temporaries
for temporary in $temporaries; do
  mv -fT -- "$temporary" "$1"
  shift
done
sync -- $dirs
trap - EXIT
`;

const READ_SCRIPT = `if [ -e "$1" ]; then exec base64 -w 0 -- "$1"; else exit ${NO_SUCH_FILE}; fi`;

/** Arguments: path, mode, nonce. Standard input: the content. */
const UPLOAD_SCRIPT = `set -eu
umask 022
path=$1 mode=$2
dir=\${path%/*}/
temporary=$dir${PREFIX}$3.0
[ -d "$dir" ] || mkdir -p -- "$dir"
trap 'rm -f -- "$temporary"' EXIT
trap 'exit 1' HUP INT TERM
(umask 077; cat > "$temporary")
chmod -- "$mode" "$temporary"
sync -- "$temporary"
mv -fT -- "$temporary" "$path"
sync -- "$dir"
trap - EXIT
`;

/** Machine.writeFiles: one command however many files. */
export async function writeFilesBy(exec: Exec, ctx: Context, files: readonly FileContent[]): Promise<void> {
  if (files.length === 0) return;
  const nonce = randomBytes(6).toString('hex');
  const paths = files.map(({ path }) => absolute(path));
  const temporaries = paths.map((path, index) => join(dirname(path), `${PREFIX}${nonce}.${index}`));
  const directories = [...new Set(paths.map(dirname))];
  const archive = packFiles(
    files.map(({ content, mode }, index) => ({ name: (temporaries[index] ?? '').slice(1), content, mode })),
  );
  const lists = [directories.join('\n'), temporaries.join('\n')];
  await exec(ctx, ['sh', '-c', WRITE_SCRIPT, 'write-files', ...lists, ...paths], { stdin: archive });
}

/** Machine.readFile. The content travels as base64: a command's output is text. */
export async function readFileBy(exec: Exec, ctx: Context, path: string): Promise<Uint8Array | undefined> {
  const argv = ['sh', '-c', READ_SCRIPT, 'read-file', absolute(path)];
  const result = await exec(ctx, argv, { allowFailure: true });
  if (result.exitCode === NO_SUCH_FILE) return undefined;
  if (result.exitCode !== 0) await exec(ctx, argv);
  return Buffer.from(result.stdout, 'base64');
}

/** Machine.upload. */
export async function uploadBy(exec: Exec, ctx: Context, local: string, remote: string, mode: number): Promise<void> {
  const nonce = randomBytes(6).toString('hex');
  await exec(ctx, ['sh', '-c', UPLOAD_SCRIPT, 'upload', absolute(remote), mode.toString(8), nonce], {
    stdin: { file: local },
    timeoutMs: UPLOAD_DEADLINE_MS,
  });
}

function absolute(path: string): string {
  if (path.startsWith('/') && !path.endsWith('/') && !path.includes('\n')) return path;
  throw new RangeError(`not an absolute path of a file: ${path}`);
}

/** A machine whose whole access is one way to run a command there. */
export function machineOver(exec: Exec, { name, address }: Pick<Machine, 'name' | 'address'>): Machine {
  return {
    name,
    address,
    exec,
    writeFiles: (ctx, files) => writeFilesBy(exec, ctx, files),
    readFile: (ctx, path) => readFileBy(exec, ctx, path),
    upload: (ctx, local, remote, mode) => uploadBy(exec, ctx, local, remote, mode),
  };
}
