// What a build needs on this host: Go, and for some projects a C compiler and libraries.
import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../../core/command.ts';
import type { Context } from '../../core/context.ts';
import { hasCode } from '../../core/errors.ts';
import { cacheDir } from '../../core/paths.ts';
import { goArch } from '../host.ts';
import type { BuildTool, SourceProject } from '../projects.ts';

/** sudo's secure_path has none of these. */
const GO_DIRECTORIES = ['/usr/local/go/bin', '/usr/lib/go/bin', '/snap/bin'];

/** Absolute path of the go command; undefined where there is none. */
export async function findGo(env: NodeJS.ProcessEnv = process.env): Promise<string | undefined> {
  for (const directory of [...(env.PATH ?? '').split(':'), ...GO_DIRECTORIES]) {
    const path = join(directory, 'go');
    if (directory !== '' && (await isExecutable(path))) return path;
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/**
 * Environment of a build. GOFLAGS and GOWORK of the user must not leak in; GOPROXY, GOSUMDB and GOTOOLCHAIN are the
 * user's own decision and stay.
 */
export function goEnv(cgo: boolean, env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  return {
    CGO_ENABLED: cgo ? '1' : '0',
    GOOS: 'linux',
    GOARCH: goArch(),
    GOFLAGS: '-mod=mod',
    GOWORK: 'off',
    GO111MODULE: 'on',
    // Without a home directory (a service) Go does not know where its caches are.
    ...(env.HOME ? {} : { HOME: join(cacheDir(), 'home') }),
  };
}

/** The tools of the projects that this host lacks; each one once. */
export async function missingTools(ctx: Context, projects: readonly SourceProject[]): Promise<readonly BuildTool[]> {
  const tools = new Map(projects.flatMap((project) => project.tools).map((tool) => [tool.name, tool]));
  const missing: BuildTool[] = [];
  for (const tool of tools.values()) if (!(await hasTool(ctx, tool))) missing.push(tool);
  return missing;
}

async function hasTool(ctx: Context, tool: BuildTool): Promise<boolean> {
  try {
    const { exitCode } = await runCommand(ctx, tool.probe, { allowFailure: true });
    return exitCode === 0;
  } catch (error) {
    if (hasCode(error, 'ABORTED')) throw error;
    return false;
  }
}

/** The sentence that tells what is missing and which Debian packages have it. */
export function describeMissing(tools: readonly BuildTool[]): string {
  const packages = [...new Set(tools.map((tool) => tool.debianPackage))].join(' ');
  return `${tools.map((tool) => tool.name).join(', ')} not found on this host; on Debian: apt-get install ${packages}`;
}
