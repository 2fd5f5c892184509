// Configuration is tested by the program that will read it, beside the one that works, before anything is replaced.
import type { Context } from '../../core/context.ts';
import { QuorateError } from '../../core/errors.ts';
import type { Machine } from '../../machines/machine.ts';
import type { RenderedFile } from '../../manifests/file.ts';

/** Where candidates lie while they are tested, below it as in the root directory; gone at the next boot at the latest. */
const CANDIDATES_DIR = '/run/quorate/candidates';
/** haproxy, keepalived and nginx take well under a second; a name server that is asked in between may be slow. */
const CHECK_TIMEOUT_MS = 30_000;
/** What a person reads of a program that says much. */
const MAX_LINES = 12;

/** Arguments: the candidate, then the argv that tests it. Where the program is not installed nothing can be said. */
const CHECK_SCRIPT = `candidate=$1
shift
code=0
if command -v "$1" >/dev/null 2>&1; then "$@" || code=$?; fi
rm -f -- "$candidate"
exit "$code"
`;

/**
 * Tests those of the files that have a check. Nothing but candidates is written. Throws CONFIG_REJECTED with the program's words for
 * the first one that fails, and what Machine can throw.
 */
export async function rejectBroken(ctx: Context, machine: Machine, files: readonly RenderedFile[]): Promise<void> {
  const tested = files.filter(({ check }) => check !== undefined);
  if (tested.length === 0) return;
  await machine.writeFiles(
    ctx,
    tested.map(({ path, content, mode }) => ({ path: candidateOf(path), content, mode })),
  );
  for (const file of tested) await testOne(ctx, machine, file);
}

async function testOne(ctx: Context, machine: Machine, { path, check = [] }: RenderedFile): Promise<void> {
  const candidate = candidateOf(path);
  const argv = check.map((word) => (word === '{}' ? candidate : word));
  const { exitCode, stdout, stderr } = await machine.exec(
    ctx,
    ['sh', '-c', CHECK_SCRIPT, 'check', candidate, ...argv],
    {
      allowFailure: true,
      timeoutMs: CHECK_TIMEOUT_MS,
    },
  );
  if (exitCode === 0) return;
  const lines = `${stderr}\n${stdout}`.replaceAll(candidate, path).split('\n').filter(Boolean);
  const words = lines.slice(-MAX_LINES).join('\n') || `it says nothing, and ends with ${exitCode}`;
  throw new QuorateError('CONFIG_REJECTED', `${argv[0]} on ${machine.name} refuses the new ${path}:\n${words}`, {
    data: { machine: machine.name, path, exitCode },
  });
}

function candidateOf(path: string): string {
  return `${CANDIDATES_DIR}${path}`;
}
