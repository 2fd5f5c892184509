// Build from source: all binaries that are missing from one project by one command, two projects at a time.
import { mkdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { runCommand } from '../../core/command.ts';
import { mapLimit } from '../../core/concurrency.ts';
import type { Context } from '../../core/context.ts';
import { hasCode, messageOf } from '../../core/errors.ts';
import { makeStaging, store } from '../cache.ts';
import { diskFull, orDiskFull } from '../files.ts';
import { buildDir } from '../layout.ts';
import { type ProgressState, withProgress } from '../progress.ts';
import type { SourceProject } from '../projects.ts';
import type { BinaryRecipe } from '../recipes.ts';
import { lastDuration, recordDuration } from '../timings.ts';
import { downloadModules, writeWrapper } from './go-module.ts';
import { type BinarySource, type Failures, failAll, groupBy, isFatal } from './source.ts';
import { describeMissing, findGo, goEnv, missingTools } from './toolchain.ts';

/** A build uses all cores by itself; a second one fills the gaps while the first links. */
const CONCURRENCY = 2;
/** Ten times a cold build of Kubernetes on two cores. */
const TIMEOUT_MS = 90 * 60_000;

/** The source that builds from Go modules. */
export function buildSource(): BinarySource {
  return { name: 'build', obtain: buildAll };
}

async function buildAll(ctx: Context, wanted: readonly BinaryRecipe[]): Promise<Failures> {
  const groups = groupBy(wanted, (recipe) => recipe.project.id);
  const projects = groups.flatMap((group) => group[0]?.project ?? []);
  // Before the first build, not after ten minutes of it.
  const [go, missing] = await Promise.all([findGo(), missingTools(ctx, projects)]);
  const tools = missing.length === 0 ? [] : [describeMissing(missing)];
  if (go === undefined)
    return new Map(failAll(wanted, ['go is not installed (https://go.dev/dl)', ...tools].join('; ')));
  if (tools.length > 0) return new Map(failAll(wanted, tools.join()));
  const failures = new Map<BinaryRecipe, string>();
  await mapLimit(longestFirst(groups), CONCURRENCY, async (group) => {
    try {
      await buildGroup(ctx, go, group);
    } catch (error) {
      if (isFatal(error)) throw error;
      for (const [recipe, reason] of failAll(group, messageOf(error))) failures.set(recipe, reason);
    }
  });
  return failures;
}

function longestFirst(groups: readonly (readonly BinaryRecipe[])[]) {
  const typicalMs = (group: readonly BinaryRecipe[]) => group[0]?.project.typicalMs ?? 0;
  return [...groups].sort((a, b) => typicalMs(b) - typicalMs(a));
}

async function buildGroup(ctx: Context, go: string, group: readonly BinaryRecipe[]): Promise<void> {
  const project = group[0]?.project;
  if (!project) return;
  const start = Date.now();
  const expectedMs = (await lastDuration(`build ${project.id}`)) ?? project.typicalMs;
  const names = group.map((recipe) => recipe.name).join(', ');
  const staging = await makeStaging(`build-${project.id}`);
  try {
    await withProgress(ctx, names, 'build', { expectedMs, detail: project.id }, async (update) => {
      await compile(ctx, go, project, group, staging, update);
    });
    const tookMs = Date.now() - start;
    for (const recipe of group) await storeBuilt(recipe, join(staging, producedName(recipe)), tookMs);
    await recordDuration(`build ${project.id}`, tookMs);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

async function storeBuilt(recipe: BinaryRecipe, path: string, tookMs: number): Promise<void> {
  const { name, version } = recipe;
  await store({ name, version, file: name }, path, { source: 'build', tookMs });
}

async function compile(
  ctx: Context,
  go: string,
  project: SourceProject,
  group: readonly BinaryRecipe[],
  staging: string,
  update: (state: ProgressState) => void,
): Promise<void> {
  const directory = buildDir(project.id);
  await orDiskFull(directory, () => mkdir(directory, { recursive: true }));
  update({ detail: `downloading ${project.modules.map((module) => module.path).join(', ')}` });
  const modules = await downloadModules(ctx, go, directory, project.modules);
  try {
    if (project.compiler === 'gcc') return await compileC(ctx, project, group, modules[0]?.dir ?? '', staging);
    await writeWrapper(ctx, go, directory, project, modules);
    update({ detail: `compiling ${group.map((recipe) => recipe.name).join(', ')}` });
    const onOutput = (text: string) => {
      if (text.trim() !== '') update({ detail: outputDetail(text) });
    };
    const argv = [go, ...goBuildArguments(project, group, staging)];
    await runCommand(ctx, argv, { cwd: directory, env: goEnv(project.cgo), timeoutMs: TIMEOUT_MS, onOutput });
  } catch (error) {
    if (hasCode(error, 'COMMAND_FAILED') && error.message.includes('no space left on device')) {
      throw diskFull(staging, error);
    }
    throw error;
  }
}

/** Arguments of `go` for one project. `-v` names each package as it is compiled, for the progress line. */
export function goBuildArguments(
  project: SourceProject,
  group: readonly BinaryRecipe[],
  staging: string,
): readonly string[] {
  return [
    'build',
    '-v',
    '-mod=mod',
    '-trimpath',
    ...(project.tags.length === 0 ? [] : [`-tags=${project.tags.join(',')}`]),
    '-ldflags',
    ['-s -w', ...project.flags].join(' '),
    '-o',
    `${staging}/`,
    ...group.map((recipe) => recipe.source),
  ];
}

async function compileC(
  ctx: Context,
  project: SourceProject,
  group: readonly BinaryRecipe[],
  moduleDir: string,
  staging: string,
): Promise<void> {
  for (const recipe of group) {
    const output = join(staging, producedName(recipe));
    await runCommand(ctx, ['gcc', ...project.flags, '-o', output, join(moduleDir, recipe.source)]);
  }
}

/** The file name that `go build` gives: the last element of the import path, major version suffix left out. */
export function producedName(recipe: BinaryRecipe): string {
  return recipe.project.compiler === 'gcc' ? recipe.name : basename(recipe.source.replace(/\/v\d+$/, ''));
}

/** The last line that go wrote, as words: a download, or a package that has just been compiled. */
function outputDetail(text: string): string {
  const line = text.trimEnd().split('\n').at(-1)?.trim() ?? '';
  if (line.startsWith('go: ')) return line.slice(4);
  return `compiled ${line}`;
}
