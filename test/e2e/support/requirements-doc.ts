import type { RequirementCommand } from '../requirements.ts';

const HEAD = `# The requirements' commands, and what they answer

Every command that the requirements print for checking or operating a cluster, with what became of it. The end-to-end suite
(\`test/e2e/03-requirements.test.ts\`) runs each on a control plane of a real cluster, in a login shell, with the example's
addresses and names replaced by the cluster's. This page is written from the same table, \`test/e2e/requirements.ts\`
(\`npx vitest run --project unit test/unit/repo/requirements-doc.test.ts -u\`).

The login shell (\`/etc/profile.d/quorate.sh\`) lets kubectl and etcdctl find their certificates; flags that are given win.
`;

/** docs/requirements-commands.md. */
export function renderRequirementsDoc(table: readonly RequirementCommand[]): string {
  const asPrinted = table.filter(({ moved }) => moved === undefined);
  const moved = table.flatMap((row) => (row.moved ? [{ ...row, moved: row.moved }] : []));
  return [
    HEAD,
    '## What upstream has since moved',
    '',
    ...moved.flatMap(({ text, printed, moved: { why, command } }) => [
      `Requirements ${text} print`,
      '',
      fence(printed),
      '',
      `${why[0]?.toUpperCase()}${why.slice(1)}. Today:`,
      '',
      fence(command),
      '',
    ]),
    'The configuration of kubeadm in requirements 3 is `v1beta3`; Kubernetes 1.36 reads `v1beta4`, in which `extraArgs` is a list of',
    'names and values. `kubectl -n kube-system get configmap kubeadm-config -o yaml` shows this cluster in that form.',
    '',
    '## What works as it is printed',
    '',
    ...[1, 3].flatMap((text) => [
      `Requirements ${text}:`,
      '',
      '```sh',
      ...asPrinted.filter((row) => row.text === text).map(({ printed }) => printed),
      '```',
      '',
    ]),
  ].join('\n');
}

function fence(command: string): string {
  return `\`\`\`sh\n${command}\n\`\`\``;
}
