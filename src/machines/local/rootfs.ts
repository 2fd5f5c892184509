// The operating system image of local machines: made once by mmdebstrap from the host's own package sources, then shared.
import { chmod, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { runCommand } from '../../core/command.ts';
import type { Context } from '../../core/context.ts';
import { QuorateError } from '../../core/errors.ts';
import { withLock } from '../../core/lock.ts';
import { cacheDir } from '../../core/paths.ts';
import { type AptFile, parseOsRelease, selectAptSources } from './apt-sources.ts';
import {
  BASE_FILES,
  BASE_PACKAGES,
  DISABLED_UNITS,
  ENABLED_UNITS,
  EXCLUDED_PATHS,
  MASKED_UNITS,
} from './base-packages.ts';
import { digest, rootfsDir } from './layout.ts';
import { readdirOrEmpty, readTextOrUndefined } from './records.ts';

/** Measured with 2 idle cores and a near mirror; only the first run's progress line uses it. */
const FIRST_GUESS_MS = 30_000;
const BUILD_DEADLINE_MS = 30 * 60_000;
/** mmdebstrap announces its stages on standard error; how much of the time has passed when each begins (measured). */
const STAGES: readonly (readonly [RegExp, number])[] = [
  [/running apt-get update/, 0.02],
  [/downloading packages/, 0.1],
  [/extracting archives/, 0.25],
  [/installing essential/, 0.35],
  [/installing remaining/, 0.5],
  [/cleaning package lists/, 0.95],
];

/** Identity of the image: a digest of everything that decides its content, save the versions of packages. */
export function baseImageId(codename: string): string {
  const parts = [codename, process.arch, BASE_PACKAGES, EXCLUDED_PATHS, DISABLED_UNITS, MASKED_UNITS, BASE_FILES];
  return digest(JSON.stringify([...parts, ENABLED_UNITS]));
}

/**
 * The Debian release that machines on this host run: the host's own. Throws HOST_UNFIT on hosts that are not Debian, where
 * apt's sources cannot give one.
 */
export async function baseSuite(): Promise<string> {
  const { id, codename, name } = parseOsRelease((await readTextOrUndefined('/etc/os-release')) ?? '');
  if (id === 'debian' && codename !== '') return codename;
  throw new QuorateError('HOST_UNFIT', `local machines need a Debian host, this one is "${name || id || 'unknown'}"`, {
    hint: "the machines are made from the host's own Debian package sources; use a Debian host, or machines over ssh",
  });
}

/** The image's id when it lies in the cache. */
export async function cachedBaseImage(): Promise<string | undefined> {
  const id = baseImageId(await baseSuite());
  return (await hasImage(id)) ? id : undefined;
}

async function hasImage(id: string): Promise<boolean> {
  return (await readTextOrUndefined(join(rootfsDir(id), 'etc/os-release'))) !== undefined;
}

/**
 * Makes the image unless it is there; returns its id. Safe for two processes; a killed build leaves nothing that counts.
 * Throws HOST_TOOL_MISSING, HOST_UNFIT, COMMAND_FAILED (mirrors unreachable) and DISK_FULL.
 */
export async function ensureBaseImage(ctx: Context): Promise<string> {
  const codename = await baseSuite();
  const id = baseImageId(codename);
  if (await hasImage(id)) return id;
  await withLock(ctx, join(cacheDir(), 'rootfs', 'lock'), 'the machine image', async () => {
    if (!(await hasImage(id))) await buildImage(ctx, id, codename);
  });
  return id;
}

async function buildImage(ctx: Context, id: string, codename: string): Promise<void> {
  const parent = join(cacheDir(), 'rootfs');
  await removeLeftovers(ctx, parent);
  const temporary = join(parent, `.${id}.${process.pid}.tmp`);
  const start = Date.now();
  const config = await mkdtemp(join(tmpdir(), 'quorate-apt-'));
  try {
    await runBootstrap(ctx, codename, temporary, config);
    await customise(temporary);
    await rename(temporary, rootfsDir(id));
    await writeFile(join(parent, 'last-build-ms'), String(Date.now() - start));
  } finally {
    await rm(config, { recursive: true, force: true });
  }
  ctx.emit('artifact.ready', { artifact: 'machine-image', source: 'build', durationMs: Date.now() - start });
}

/** What killed builds left. Never crosses into another file system, should one be mounted in there. */
async function removeLeftovers(ctx: Context, parent: string): Promise<void> {
  for (const name of await readdirOrEmpty(parent))
    if (name.endsWith('.tmp'))
      await runCommand(ctx, ['rm', '-rf', '--one-file-system', '--', join(parent, name)], { timeoutMs: 300_000 });
}

/** Dies with quorate, and all its children with it: a build that nobody waits for must not run on. */
const DIE_WITH_PARENT = [
  'setpriv',
  '--pdeathsig',
  'KILL',
  'unshare',
  '--pid',
  '--fork',
  '--kill-child',
  '--mount-proc',
];

async function runBootstrap(ctx: Context, codename: string, target: string, config: string): Promise<void> {
  const sources = await writeHostSources(codename, config);
  const aptOptions = join(config, 'apt.conf');
  await writeFile(aptOptions, await hostAptOptions(ctx));
  const progress = await progressReporter(ctx);
  try {
    await runCommand(
      ctx,
      [
        ...DIE_WITH_PARENT,
        ...['mmdebstrap', '--mode=root', '--variant=minbase', '--format=directory', `--aptopt=${aptOptions}`],
        `--include=${BASE_PACKAGES.join(',')}`,
        ...EXCLUDED_PATHS.map((path) => `--dpkgopt=path-exclude=${path}`),
        ...[codename, target, ...sources],
      ],
      { timeoutMs: BUILD_DEADLINE_MS, onOutput: progress.onOutput },
    );
  } finally {
    progress.stop();
  }
}

async function writeHostSources(codename: string, directory: string): Promise<string[]> {
  const listed = (await readdirOrEmpty('/etc/apt/sources.list.d')).sort();
  const paths = ['/etc/apt/sources.list', ...listed.map((name) => `/etc/apt/sources.list.d/${name}`)];
  const files: AptFile[] = [];
  for (const path of paths.filter((name) => /\.(list|sources)$/.test(name))) {
    const text = await readTextOrUndefined(path);
    if (text !== undefined) files.push({ path, text });
  }
  const selected = selectAptSources(files, codename);
  if (selected.length === 0)
    throw new QuorateError(
      'HOST_UNFIT',
      `no package source of Debian ${codename} (component main) is set up in /etc/apt`,
      {
        hint: `add one to /etc/apt/sources.list, then run: apt-get update`,
      },
    );
  return Promise.all(
    selected.map(async ({ path, text }) => {
      const copy = join(directory, basename(path));
      await writeFile(copy, text);
      return copy;
    }),
  );
}

/** How the host's apt fetches (proxies, certificate and date checks); what it fetches from is in the sources. */
async function hostAptOptions(ctx: Context): Promise<string> {
  const { stdout } = await runCommand(ctx, ['apt-config', 'dump', '--format', '%F "%v";%n', 'Acquire']);
  return stdout
    .split('\n')
    .filter((line) => !line.startsWith('Acquire::IndexTargets') && !line.startsWith('Acquire::Changelogs'))
    .join('\n');
}

async function progressReporter(ctx: Context) {
  const start = Date.now();
  const last = Number(await readTextOrUndefined(join(cacheDir(), 'rootfs', 'last-build-ms')));
  const expectedMs = last > 0 ? last : FIRST_GUESS_MS;
  let fraction = 0;
  let detail = 'starting';
  const report = () =>
    ctx.emit('artifact.progress', {
      artifact: 'machine-image',
      stage: 'build',
      fraction,
      expectedMs,
      elapsedMs: Date.now() - start,
      detail,
    });
  report();
  const timer = setInterval(report, 1_000);
  timer.unref();
  const onOutput = (text: string) => {
    for (const line of text.split('\n'))
      for (const [pattern, share] of STAGES)
        if (pattern.test(line) && share > fraction) {
          fraction = share;
          detail = line.replace(/^I: /, '').replace(/\.+$/, '').trim();
          report();
        }
  };
  return { onOutput, stop: () => clearInterval(timer) };
}

/** Turns a plain Debian tree into a machine image: our files, masks, nothing that two machines must not share. */
async function customise(root: string): Promise<void> {
  const units = join(root, 'etc/systemd/system');
  for (const name of await readdirOrEmpty(join(root, 'etc/ssh')))
    if (name.startsWith('ssh_host_')) await rm(join(root, 'etc/ssh', name));
  await removeWants(units);
  for (const unit of MASKED_UNITS) {
    await rm(join(units, unit), { force: true });
    await symlink('/dev/null', join(units, unit));
  }
  for (const { path, content, mode } of BASE_FILES) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await rm(join(root, path), { force: true });
    await writeFile(join(root, path), content, { mode });
    await chmod(join(root, path), mode);
  }
  for (const { unit, wantedBy } of ENABLED_UNITS) {
    await mkdir(join(units, `${wantedBy}.wants`), { recursive: true });
    await symlink(`/etc/systemd/system/${unit}`, join(units, `${wantedBy}.wants`, unit));
  }
  // Persistent journals need the directory; mount points of the machine's own file systems.
  for (const directory of ['var/log/journal', 'var/lib/containerd', 'var/lib/kubelet', 'var/lib/etcd', 'etc/quorate'])
    await mkdir(join(root, directory), { recursive: true, mode: 0o755 });
}

async function removeWants(units: string): Promise<void> {
  for (const unit of DISABLED_UNITS) {
    for (const name of await readdirOrEmpty(units))
      if (name.endsWith('.wants')) await rm(join(units, name, unit), { force: true });
  }
  await rm(join(units, 'sshd.service'), { force: true });
}
