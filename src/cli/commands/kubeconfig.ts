import { type Command, Option } from 'commander';
import { newCommand } from '../teach.ts';
import { type Frame, verb } from '../verb.ts';

/** `quorate kubeconfig`: access for kubectl and friends. */
export function kubeconfigCommand(frame: Frame): Command {
  return newCommand('kubeconfig', {
    summary: 'print the kubeconfig of the cluster, or merge it into yours',
    description:
      'Prints a kubeconfig for administrators that goes through the endpoint, so it works whichever control plane is down. With --merge it becomes a context of your own kubeconfig; the other entries stay as they are. It holds a private key: keep it to yourself.',
    examples: [
      ['quorate kubeconfig > demo.conf', 'a file of its own'],
      ['quorate kubeconfig --merge', 'into $KUBECONFIG or ~/.kube/config, and make it current'],
      ['quorate kubeconfig --merge=team.conf', 'into another file'],
    ],
    takes: ['cluster'],
  })
    .addOption(new Option('--merge [file]', 'add it to a kubeconfig file and make its context current'))
    .action(
      verb<{ readonly merge?: string | true }>(frame, 'Kubeconfig', async (session, { options }) => {
        const { defaultKubeconfigPath, kubeconfigText, mergeKubeconfig } = await import('../../actions/kubeconfig.ts');
        const kubeconfig = await kubeconfigText(session.ctx, await session.spec());
        if (options.merge === undefined) return { data: { kubeconfig }, text: () => kubeconfig };
        const target = options.merge === true ? defaultKubeconfigPath() : options.merge;
        const merged = await mergeKubeconfig(target, kubeconfig);
        return {
          data: merged,
          text: ({ style, glyphs }) =>
            `${style.green(glyphs.ok)} context ${merged.context} is in ${merged.path} and current\nnext: ${style.bold('kubectl get nodes')}`,
        };
      }),
    );
}
