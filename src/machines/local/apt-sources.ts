// Which of the host's package sources a machine image may be made from. The host knows its mirrors; quorate names none.

/** A file of apt sources: one-line format (.list) or deb822 (.sources). */
export interface AptFile {
  readonly path: string;
  readonly text: string;
}

/** The suites that make up one Debian release (wiki.debian.org, "SourcesList"). */
function isSuiteOf(codename: string, suite: string): boolean {
  return [codename, `${codename}-updates`, `${codename}-security`].includes(suite.replace(/\/+$/, ''));
}

/**
 * The parts of the host's files that name the release's own suites with the component main; everything of third parties
 * is left out. Files with nothing left are dropped.
 */
export function selectAptSources(files: readonly AptFile[], codename: string): readonly AptFile[] {
  return files
    .map(({ path, text }) => ({
      path,
      text: path.endsWith('.sources') ? selectStanzas(text, codename) : selectLines(text, codename),
    }))
    .filter(({ text }) => text !== '');
}

function selectLines(text: string, codename: string): string {
  const kept = text.split('\n').filter((line) => {
    const match = /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+(.*)$/.exec(line.replace(/#.*/, ''));
    if (!match) return false;
    const [, uri = '', suite = '', components = ''] = match;
    return !uri.startsWith('cdrom:') && isSuiteOf(codename, suite) && components.split(/\s+/).includes('main');
  });
  return kept.map((line) => `${line.trim()}\n`).join('');
}

function selectStanzas(text: string, codename: string): string {
  const stanzas = text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .split(/\n\s*\n/)
    .map((stanza) => stanza.trim())
    .filter((stanza) => stanza !== '');
  const kept = stanzas.filter((stanza) => {
    const words = (field: string) =>
      new RegExp(`^${field}:[ \\t]*(.*)$`, 'im').exec(stanza)?.[1]?.trim().split(/\s+/) ?? [];
    const suites = words('Suites');
    return (
      words('Types').includes('deb') &&
      words('Components').includes('main') &&
      words('Enabled')[0] !== 'no' &&
      suites.length > 0 &&
      suites.every((suite) => isSuiteOf(codename, suite))
    );
  });
  return kept.map((stanza) => `${stanza}\n`).join('\n');
}

/** ID and VERSION_CODENAME of an os-release file (os-release(5)). */
export function parseOsRelease(text: string): {
  readonly id: string;
  readonly codename: string;
  readonly name: string;
} {
  const value = (key: string) =>
    new RegExp(`^${key}=(.*)$`, 'm')
      .exec(text)?.[1]
      ?.trim()
      .replace(/^(["'])(.*)\1$/, '$2') ?? '';
  return { id: value('ID'), codename: value('VERSION_CODENAME'), name: value('PRETTY_NAME') };
}
