import { describe, expect, it } from 'vitest';
import { parseOsRelease, selectAptSources } from '../../../src/machines/local/apt-sources.ts';

const DEB822 = `# the distribution
Types: deb deb-src
URIs: https://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: https://mirror.example/debian
Suites: bookworm
Components: main
Enabled: no

Types: deb
URIs: https://vendor.example
Suites: nodistro
Components: main
`;

const ONE_LINE = `deb [signed-by=/k.gpg] https://mirror.example/debian bookworm main non-free # mirror
deb https://mirror.example/security bookworm-security main
deb-src https://mirror.example/debian bookworm main
deb cdrom:[Debian 12]/ bookworm main
deb https://vendor.example/docker bookworm stable
#deb https://mirror.example/debian bookworm main
`;

describe('package sources for the image', () => {
  it("are the distribution's own stanzas, disabled ones and third parties left out", () => {
    const [file] = selectAptSources([{ path: '/etc/apt/sources.list.d/debian.sources', text: DEB822 }], 'bookworm');
    expect(file?.text.match(/^URIs:.*$/gm)).toEqual(['URIs: https://mirror.example/debian']);
    expect(file?.text).toContain('Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg');
    expect(file?.text).not.toContain('#');
  });

  it("are the distribution's own lines, without discs, sources and third parties", () => {
    const [file] = selectAptSources([{ path: '/etc/apt/sources.list', text: ONE_LINE }], 'bookworm');
    expect(file?.text).toBe(`deb [signed-by=/k.gpg] https://mirror.example/debian bookworm main non-free # mirror
deb https://mirror.example/security bookworm-security main
`);
  });

  it('drop files with nothing for the release', () => {
    expect(selectAptSources([{ path: '/etc/apt/sources.list', text: ONE_LINE }], 'trixie')).toEqual([]);
  });
});

describe('os-release', () => {
  it('gives id, codename and name, quoted or not', () => {
    const text =
      'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_CODENAME=bookworm\nVERSION_ID="12"\n';
    expect(parseOsRelease(text)).toEqual({
      id: 'debian',
      codename: 'bookworm',
      name: 'Debian GNU/Linux 12 (bookworm)',
    });
    expect(parseOsRelease('ID="fedora"\n')).toEqual({ id: 'fedora', codename: '', name: '' });
  });
});
