// Packages for a host without network: this host's apt resolves and downloads them as if it were that one.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../../core/command.ts';
import type { Context } from '../../core/context.ts';
import { hasCode, QuorateError } from '../../core/errors.ts';
import { withLock } from '../../core/lock.ts';
import { cacheDir } from '../../core/paths.ts';
import type { MachineFacts } from '../facts.ts';
import type { Machine } from '../machine.ts';

/** A package file in the cache of this host. */
export interface PackageFile {
  readonly name: string;
  readonly path: string;
}

/** What dpkg knows is installed: apt resolves against it. A few MB. */
const DPKG_STATUS = '/var/lib/dpkg/status';
const FETCH_DEADLINE_MS = 10 * 60_000;
/** Node's word for an architecture, for which Go's differs. */
const GO_ARCH: Readonly<Record<string, string>> = { x64: 'amd64' };

/**
 * Downloads what `machine` lacks of `packages`, dependencies included, with this host's package sources. Throws
 * HOST_PACKAGES_MISSING when this host has another release or architecture, or cannot fetch them either.
 */
export async function fetchPackages(
  ctx: Context,
  machine: Machine,
  { os, arch }: Pick<MachineFacts, 'os' | 'arch'>,
  packages: readonly string[],
): Promise<readonly PackageFile[]> {
  await refuseOtherRelease(os, arch);
  const root = join(cacheDir(), 'packages', `${os.id}-${os.versionId}-${arch}`);
  return withLock(ctx, join(root, 'lock'), 'the package cache', async () => {
    const status = join(root, 'status');
    const archives = join(root, machine.name);
    // Only what this host needs may lie there in the end; apt asks for the directory below.
    await rm(archives, { recursive: true, force: true });
    for (const directory of [join(archives, 'partial'), join(root, 'lists', 'partial')])
      await mkdir(directory, { recursive: true });
    await writeFile(status, (await machine.readFile(ctx, DPKG_STATUS)) ?? '');
    await download(ctx, aptOptions(root, status, archives), packages);
    const names = (await readdir(archives)).filter((name) => name.endsWith('.deb')).sort();
    return names.map((name) => ({ name, path: join(archives, name) }));
  });
}

/** Nothing of this host's own state is read or changed but its package sources and keys; works without root. */
export function aptOptions(root: string, status: string, archives: string): readonly string[] {
  const settings = {
    'Dir::State::lists': join(root, 'lists'),
    'Dir::State::status': status,
    'Dir::Cache::archives': archives,
    'Dir::Cache::pkgcache': '',
    'Dir::Cache::srcpkgcache': '',
    // Changing to apt's own user would need a cache that it may write to.
    'APT::Sandbox::User': '',
    'Acquire::Retries': '1',
    'Acquire::http::Timeout': '20',
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

async function download(ctx: Context, options: readonly string[], packages: readonly string[]): Promise<void> {
  const limits = { timeoutMs: FETCH_DEADLINE_MS };
  const install = ['--no-install-recommends', '--download-only', 'install', ...packages];
  try {
    // Lists of an earlier time may do; if not, the download says what is missing.
    await runCommand(ctx, ['apt-get', '-qq', ...options, 'update'], { ...limits, allowFailure: true });
    await runCommand(ctx, ['apt-get', '-qq', '-y', ...options, ...install], limits);
  } catch (error) {
    if (!hasCode(error, 'COMMAND_FAILED', 'COMMAND_TIMED_OUT', 'COMMAND_NOT_FOUND')) throw error;
    throw refusal(`neither can this host: ${error.message}`, error);
  }
}

async function refuseOtherRelease(os: MachineFacts['os'], arch: string): Promise<void> {
  const here = parseRelease(await readFile('/etc/os-release', 'utf8').catch(() => ''));
  const hereArch = GO_ARCH[process.arch] ?? process.arch;
  if (here.id === os.id && here.versionId === os.versionId && hereArch === arch) return;
  throw refusal(
    `this host is no help: it is ${here.id} ${here.versionId} ${hereArch}, not ${os.id} ${os.versionId} ${arch}`,
  );
}

/** ID and VERSION_ID of an os-release file (os-release(5)). */
export function parseRelease(text: string): { readonly id: string; readonly versionId: string } {
  const value = (name: string) => new RegExp(`^${name}=["']?([^"'\n]*)`, 'm').exec(text)?.[1] ?? '';
  return { id: value('ID'), versionId: value('VERSION_ID') };
}

function refusal(message: string, cause?: unknown): QuorateError {
  return new QuorateError('HOST_PACKAGES_MISSING', message, cause === undefined ? {} : { cause });
}
