import type { Command } from 'commander';
import type { DownReport } from '../../actions/down.ts';
import { FAMILIES } from '../../core/error-codes.ts';
import { formatDuration } from '../../core/wait.ts';
import { count } from '../../report/format.ts';
import type { Theme } from '../../report/theme.ts';
import { newCommand } from '../teach.ts';
import { type Frame, verb } from '../verb.ts';

/** `quorate down`: removes a local cluster and every trace of it. */
export function downCommand(frame: Frame): Command {
  return newCommand('down', {
    summary: 'destroy a cluster, with its data',
    description:
      'Destroys every machine that quorate made for the cluster, with its disk, and undoes what it changed on this host: processes, mounts, network, kernel settings. The artifact cache stays. From hosts over SSH it removes everything of the cluster; Debian packages stay.',
    examples: [
      ['quorate down', 'the demo, or the cluster of ./cluster.yaml; asks first'],
      ['quorate down --cluster demo --yes', 'by name, without asking'],
    ],
    takes: ['cluster', 'act'],
  }).action(
    verb(frame, 'Down', async (session) => {
      const [{ down }, { removeFromKubeconfig, defaultKubeconfigPath }] = await Promise.all([
        import('../../actions/down.ts'),
        import('../../actions/kubeconfig.ts'),
      ]);
      const spec = await session.spec();
      const report = await down(session.ctx, spec, {
        confirm: (machines) =>
          session.confirm(
            spec.machines[0]?.driver === 'ssh'
              ? `Remove cluster ${spec.name} with all data from ${count(machines.length, 'host')} (${machines.join(', ')})?`
              : `Destroy ${count(machines.length, 'machine')} of cluster ${spec.name} with all data (${machines.join(', ')})?`,
          ),
      });
      await removeFromKubeconfig(defaultKubeconfigPath(), spec.name);
      return {
        data: report,
        ...(report.skipped.length === 0 ? {} : { exitCode: FAMILIES.incomplete }),
        text: (theme) => textOf(report, theme),
      };
    }),
  );
}

function textOf({ cluster, destroyed, skipped, durationMs }: DownReport, { style, glyphs }: Theme): string {
  if (skipped.length > 0) {
    const clean = destroyed.length === 0 ? '' : `; clean: ${destroyed.join(', ')}`;
    return `${style.yellow(glyphs.warning)} cluster ${cluster}: ${skipped.join(', ')} did not answer, and what is on their disks stays there${clean}`;
  }
  if (destroyed.length === 0) return `cluster ${cluster}: nothing is left of it on this host`;
  return `${style.green(glyphs.ok)} cluster ${cluster} is gone: ${destroyed.join(', ')}  ${style.dim(formatDuration(durationMs))}`;
}
