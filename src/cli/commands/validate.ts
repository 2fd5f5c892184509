import { type Command, Option } from 'commander';
import { count } from '../../report/format.ts';
import { controlPlanes, etcdMachines, machinesOf } from '../../spec/types.ts';
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
    .addOption(new Option('-f, --file <file>', 'the same, as the other commands take it'))
    .action(
      verb(frame, 'Validation', async (session, { args }) => {
        const { loadSpec } = await import('../../spec/load.ts');
        const file = (args[0] as string | undefined) ?? session.options.file ?? DEFAULT_FILE;
        const { spec, warnings } = await loadSpec(file);
        const voters = etcdMachines(spec).length;
        const summary = {
          controlPlanes: controlPlanes(spec).length,
          workers: machinesOf(spec, 'worker').length,
          voters,
          quorum: quorum(voters),
          tolerance: tolerance(voters),
        };
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
              `${style.green(glyphs.ok)} ${file} is valid: cluster ${spec.name}, Kubernetes ${spec.kubernetesVersion}, ${count(summary.controlPlanes, 'control plane')}, ${count(summary.workers, 'worker')}`,
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
