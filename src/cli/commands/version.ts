import type { Command } from 'commander';
import { newCommand } from '../teach.ts';
import { type Frame, verb } from '../verb.ts';
import { VERSION } from '../version.ts';

/** `quorate version`: quorate, what it runs on, and the parts that it builds clusters of. */
export function versionCommand(frame: Frame): Command {
  return newCommand('version', {
    summary: 'show the versions of quorate and of the parts it builds clusters of',
    description:
      'Shows the version of quorate, the Node.js and platform it runs on, and the pinned version of every upstream part of a new cluster. It reads nothing from any machine.',
    examples: [
      ['quorate version', 'as text'],
      ['quorate version -o json', 'for a script'],
    ],
  }).action(
    verb(frame, 'Version', async () => {
      const { componentVersions, supportedKubernetesVersions } = await import('../../artifacts/components.ts');
      const supported = supportedKubernetesVersions();
      const components = componentVersions(supported[0] ?? '');
      const data = {
        quorate: VERSION,
        node: process.version,
        platform: `${process.platform}/${process.arch}`,
        supportedKubernetesVersions: supported,
        components,
      };
      return { data, text: ({ style }) => renderVersion(data, components, style.bold) };
    }),
  );
}

function renderVersion(
  data: { quorate: string; node: string; platform: string; supportedKubernetesVersions: readonly string[] },
  components: object,
  bold: (text: string) => string,
): string {
  const parts: [string, string][] = Object.entries(components);
  const width = Math.max(...parts.map(([name]) => kebab(name).length));
  return [
    `${bold(`quorate ${data.quorate}`)}  (Node.js ${data.node}, ${data.platform})`,
    'a new cluster is made of:',
    ...parts.map(([name, version]) => `  ${kebab(name).padEnd(width)}  ${version}`),
    `kubernetes versions it can build: ${data.supportedKubernetesVersions.join(', ')}`,
  ].join('\n');
}

/** cniPlugins as people write it: cni-plugins. */
function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
