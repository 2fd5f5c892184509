import type { Command } from 'commander';
import { newCommand } from '../teach.ts';
import { type Frame, verb } from '../verb.ts';

/** `quorate kubectl …`: the cluster's own kubectl, with its kubeconfig. */
export function kubectlCommand(frame: Frame): Command {
  return newCommand('kubectl', {
    summary: 'run kubectl against the cluster',
    description:
      "Runs the kubectl of the cluster's own version with its kubeconfig; your ~/.kube/config is not touched. Everything behind the word kubectl goes to it; options of quorate go before it.",
    examples: [
      ['quorate kubectl get nodes -o wide', ''],
      ['quorate kubectl logs -f deploy/web', ''],
      ['quorate -f prod.yaml kubectl apply -f app.yaml', 'the first -f is the cluster, the second one the manifest'],
    ],
    isPassThrough: true,
  })
    .argument('[arguments...]', 'what kubectl is called with')
    .action(
      verb(
        frame,
        'Kubectl',
        async (session, { args }) => {
          const { kubectl } = await import('../../actions/kubectl.ts');
          return kubectl(session.ctx, await session.spec(), args[0] as string[]);
        },
        { isInteractive: true },
      ),
    );
}
