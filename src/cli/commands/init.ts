import { type Command, InvalidArgumentError, Option } from 'commander';
import { shellJoin } from '../../core/quote.ts';
import { DEFAULT_FILE } from '../global-options.ts';
import { newCommand } from '../teach.ts';
import { type Frame, verb } from '../verb.ts';

interface InitFlags {
  readonly name?: string;
  readonly controlPlanes?: number;
  readonly workers?: number;
  readonly loadBalancers?: number;
  readonly loadBalancer?: 'haproxy' | 'nginx' | 'external';
  readonly driver?: 'local' | 'ssh';
  readonly subnet?: string;
  readonly kubernetesVersion?: string;
  readonly file: string;
  readonly force?: boolean;
}

/** `quorate init`: writes a commented cluster.yaml. */
export function initCommand(frame: Frame): Command {
  return newCommand('init', {
    summary: 'write a commented cluster.yaml',
    description:
      'Writes a cluster file with every choice explained, ready for `quorate up`. Addresses are chosen from a network that is free on this host. It never overwrites a file unless told to with --force.',
    examples: [
      ['quorate init', '3 control planes and 2 workers on this machine'],
      ['quorate init --control-planes 5 --workers 3 --name big', 'survives the loss of any two control planes'],
      ['quorate init --load-balancers 2', 'HAProxy and keepalived on two machines of their own'],
      ['quorate init --driver ssh --subnet 192.168.7.0/24 -f prod.yaml', 'for hosts of your own'],
    ],
  })
    .addOption(new Option('--name <name>', 'name of the cluster (default: demo)'))
    .addOption(
      new Option('--control-planes <count>', 'odd: 3, 5 or 7; 1 survives nothing (default: 3)').argParser(wholeNumber),
    )
    .addOption(new Option('--workers <count>', 'machines for workloads (default: 2)').argParser(wholeNumber))
    .addOption(
      new Option(
        '--load-balancers <count>',
        'machines that only balance, two at least (default: none, the control planes do)',
      ).argParser(wholeNumber),
    )
    .addOption(
      new Option('--load-balancer <type>', 'what balances; external is one of your own (default: haproxy)').choices([
        'haproxy',
        'nginx',
        'external',
      ]),
    )
    .addOption(
      new Option('--driver <driver>', 'local makes machines on this host, ssh uses hosts of yours').choices([
        'local',
        'ssh',
      ]),
    )
    .addOption(new Option('--subnet <cidr>', "the machines' /24 (default: the first of 10.87.N.0/24 that is free)"))
    .addOption(new Option('--kubernetes-version <version>', 'one of those that quorate version lists'))
    .addOption(new Option('-f, --file <file>', 'where to write; - is standard output').default(DEFAULT_FILE))
    .addOption(new Option('--force', 'replace the file when it exists'))
    .action(
      verb<InitFlags>(frame, 'Init', async ({ ctx }, { options }) => {
        const { writeClusterFile } = await import('../../actions/init.ts');
        const { file, force, ...choices } = options;
        const written = await writeClusterFile(ctx, {
          ...choices,
          ...(file === '-' ? {} : { file }),
          force: force === true,
        });
        const next = nextCommand(file);
        return {
          data: { file: written.file ?? null, content: written.content, next },
          text: ({ style, glyphs }) =>
            file === '-' ? written.content : `${style.green(glyphs.ok)} wrote ${file}\nnext: ${style.bold(next)}`,
        };
      }),
    );
}

function nextCommand(file: string): string {
  return file === DEFAULT_FILE || file === '-' ? 'quorate up' : shellJoin(['quorate', 'up', '-f', file]);
}

function wholeNumber(text: string): number {
  if (!/^\d{1,3}$/.test(text)) throw new InvalidArgumentError('It is not a whole number.');
  return Number(text);
}
