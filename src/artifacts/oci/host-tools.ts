// Programs of this host that go into an image together with the shared libraries they are linked with.
import { access, realpath, stat } from 'node:fs/promises';
import { runCommand } from '../../core/command.ts';
import type { Context } from '../../core/context.ts';
import { QuorateError } from '../../core/errors.ts';
import { fileEntry, type TarEntry } from './tar.ts';

/** Where the program is, and the Debian package that has it. */
const TOOLS: Readonly<Record<string, { readonly path: string; readonly debianPackage: string }>> = {
  nft: { path: '/usr/sbin/nft', debianPackage: 'nftables' },
};

/** The host tools among `names` that are not installed, as Debian package names. */
export async function missingHostTools(names: readonly string[]): Promise<readonly string[]> {
  const missing: string[] = [];
  for (const name of names) {
    const { path, debianPackage } = toolOf(name);
    await access(path).catch(() => missing.push(debianPackage));
  }
  return missing;
}

/** Layer entries for a program and everything it is linked with. Throws HOST_TOOL_MISSING. */
export async function hostToolEntries(ctx: Context, name: string): Promise<readonly TarEntry[]> {
  const { path, debianPackage } = toolOf(name);
  if ((await missingHostTools([name])).length > 0) {
    throw new QuorateError('HOST_TOOL_MISSING', `${path} is not on this host; an image needs it`, {
      hint: `on Debian: apt-get install ${debianPackage}`,
    });
  }
  const { stdout } = await runCommand(ctx, ['ldd', path], { env: { LC_ALL: 'C' } });
  return await Promise.all([path, ...linkedLibraries(stdout)].map(entryOf));
}

/** Absolute paths in the output of ldd: libraries and the dynamic loader. */
export function linkedLibraries(lddOutput: string): readonly string[] {
  return lddOutput.split('\n').flatMap((line) => {
    const [, path] = /^\s*(?:\S+ => )?(\/\S+) \(0x/.exec(line) ?? [];
    return path === undefined ? [] : [path];
  });
}

/** The file behind the name, under the name: an image has no use for the chain of links. */
async function entryOf(path: string): Promise<TarEntry> {
  const source = await realpath(path);
  const { size } = await stat(source);
  return fileEntry(path.slice(1), source, size, 0o755);
}

function toolOf(name: string) {
  const tool = TOOLS[name];
  if (!tool) throw new Error(`no host tool is called ${name}`);
  return tool;
}
