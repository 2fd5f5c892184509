// Go modules from the user's own module proxy, checked against the hash in the catalog, and the wrapper module around them.
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { runCommand } from '../../core/command.ts';
import type { Context } from '../../core/context.ts';
import { QuorateError } from '../../core/errors.ts';
import { orDiskFull } from '../files.ts';
import type { GoModule, SourceProject, StubModule } from '../projects.ts';
import { goEnv } from './toolchain.ts';

/** Long enough for a slow line: the Kubernetes module is about 40 MB. */
const DOWNLOAD_TIMEOUT_MS = 15 * 60_000;

const downloadSchema = z.object({
  Path: z.string(),
  Version: z.string(),
  Error: z.string().optional(),
  GoMod: z.string().optional(),
  Dir: z.string().optional(),
  Sum: z.string().optional(),
});
const goModSchema = z.object({
  Go: z.string().optional(),
  Godebug: z.array(z.object({ Key: z.string(), Value: z.string() })).nullish(),
  Replace: z.array(z.object({ Old: z.object({ Path: z.string() }), New: z.object({ Path: z.string() }) })).nullish(),
});

/** A module on this host: where its files and its go.mod are. */
export interface DownloadedModule {
  readonly module: GoModule;
  readonly dir: string;
  readonly goMod: string;
}

/**
 * Downloads modules with `go mod download` and compares their hash with the catalog. Throws ARTIFACT_CORRUPT when a hash
 * differs, COMMAND_FAILED when a module cannot be had.
 */
export async function downloadModules(
  ctx: Context,
  go: string,
  directory: string,
  modules: readonly GoModule[],
): Promise<readonly DownloadedModule[]> {
  const argv = [go, 'mod', 'download', '-json', ...modules.map(({ path, version }) => `${path}@${version}`)];
  const options = { cwd: directory, env: goEnv(false), timeoutMs: DOWNLOAD_TIMEOUT_MS, allowFailure: true };
  const { stdout, stderr } = await runCommand(ctx, argv, options);
  const answers = parseDownloads(stdout);
  return modules.map((module) => {
    const answer = answers.find((candidate) => candidate.Path === module.path);
    return checkDownload(module, answer, stderr);
  });
}

/** `go mod download -json` prints one JSON object after the other. */
function parseDownloads(stdout: string): z.infer<typeof downloadSchema>[] {
  return stdout
    .split(/^(?=\{)/m)
    .filter((text) => text.trim() !== '')
    .map((text) => downloadSchema.parse(JSON.parse(text)));
}

/** Exported for tests: the comparison that decides whether source code is what the catalog pins. */
export function checkDownload(
  module: GoModule,
  answer: z.infer<typeof downloadSchema> | undefined,
  stderr: string,
): DownloadedModule {
  const name = `${module.path}@${module.version}`;
  const { Error: problem, Sum, Dir, GoMod } = answer ?? {};
  if (problem !== undefined || Sum === undefined || Dir === undefined || GoMod === undefined) {
    throw new QuorateError('COMMAND_FAILED', `go mod download ${name}: ${problem ?? stderr.trim().slice(-400)}`);
  }
  if (Sum !== module.sum) {
    throw new QuorateError('ARTIFACT_CORRUPT', `module ${name} has ${Sum}, the catalog pins ${module.sum}`, {
      hint: 'the module proxy or the module cache is not to be trusted: run go clean -modcache, check GOPROXY, try again',
    });
  }
  return { module, dir: Dir, goMod: GoMod };
}

/** Writes the wrapper module that requires the project's modules and replaces what cannot be had as it is written there. */
export async function writeWrapper(
  ctx: Context,
  go: string,
  directory: string,
  project: SourceProject,
  downloaded: readonly DownloadedModule[],
): Promise<void> {
  const main = downloaded[0];
  const { stdout } = await runCommand(ctx, [go, 'mod', 'edit', '-json', main?.goMod ?? ''], { env: goEnv(false) });
  const goMod = goModSchema.parse(JSON.parse(stdout));
  await orDiskFull(directory, async () => {
    await writeFile(join(directory, 'go.mod'), renderWrapper(project, goMod));
    for (const stub of project.stubs ?? []) await writeStub(join(directory, stubDir(stub)), stub);
  });
}

/** The wrapper's go.mod. Language version and GODEBUG defaults are those of the main module, as in upstream's own build. */
export function renderWrapper(project: SourceProject, goMod: z.infer<typeof goModSchema>): string {
  const lines = ['module quorate.local/build', '', `go ${goMod.Go ?? '1.24.0'}`, ''];
  for (const { Key, Value } of goMod.Godebug ?? []) lines.push(`godebug ${Key}=${Value}`);
  for (const { path, version } of project.modules) lines.push(`require ${path} ${version}`);
  for (const { Old, New } of goMod.Replace ?? []) {
    const isStaging = project.stagingVersion !== undefined && New.Path.startsWith('./staging/');
    if (isStaging) lines.push(`replace ${Old.Path} => ${Old.Path} ${project.stagingVersion}`);
  }
  for (const stub of project.stubs ?? []) lines.push(`replace ${stub.path} => ./${stubDir(stub)}`);
  return `${lines.join('\n')}\n`;
}

function stubDir(stub: StubModule): string {
  return `stubs/${stub.path.replaceAll('/', '_')}`;
}

async function writeStub(directory: string, stub: StubModule): Promise<void> {
  const files = { 'go.mod': `module ${stub.path}\n\ngo 1.21\n`, ...stub.files };
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), content);
  }
}
