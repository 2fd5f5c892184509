import type { Command } from 'commander';
import { quorum, tolerance } from '../../spec/voters.ts';
import { DEFAULT_FILE } from '../global-options.ts';
import { newCommand } from '../teach.ts';
import { type Frame, verb } from '../verb.ts';

/** `quorate validate`: every problem of a cluster file at once, without touching any machine. */
export function validateCommand(frame: Frame): Command {
  return newCommand('validate', {
    summary: 'check a cluster file and show all of its problems at once',
    description:
      'Reads a cluster file and reports every problem with its line and column and what to write instead. No machine is contacted. It ends with 0 when there is no problem; warnings are shown and do not count.',
    examples: [
      ['quorate validate', 'checks ./cluster.yaml'],
      ['quorate validate prod.yaml', 'another file'],
      ['quorate validate prod.yaml -o json', 'problems as data, for an editor or CI'],
    ],
  })
    .argument('[file]', `the cluster file (default: ./${DEFAULT_FILE})`)
    .action(
      verb(frame, 'Validation', async (_session, { args }) => {
        const { loadSpec } = await import('../../spec/load.ts');
        const file = (args[0] as string | undefined) ?? DEFAULT_FILE;
        const { spec, warnings } = await loadSpec(file);
        const voters = spec.machines.filter(({ role }) => role === 'control-plane').length;
        const workers = spec.machines.filter(({ role }) => role === 'worker').length;
        const summary = { controlPlanes: voters, workers, quorum: quorum(voters), tolerance: tolerance(voters) };
        return {
          data: {
            valid: true,
            file,
            cluster: spec.name,
            kubernetesVersion: spec.kubernetesVersion,
            ...summary,
            problems: warnings,
          },
          text: ({ style, glyphs }) =>
            [
              `${style.green(glyphs.ok)} ${file} is valid: cluster ${spec.name}, Kubernetes ${spec.kubernetesVersion}, ${voters} control planes, ${workers} workers`,
              `  etcd quorum ${summary.quorum} of ${voters}; ${summary.tolerance} may fail`,
              ...warnings.map(
                ({ line, column, message, fix }) =>
                  `${style.yellow(`${glyphs.warning} ${file}:${line}:${column}: ${message}`)}\n    fix: ${fix}`,
              ),
            ].join('\n'),
        };
      }),
    );
}
