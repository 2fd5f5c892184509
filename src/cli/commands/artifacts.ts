import { type Command, Option } from 'commander';
import type { ArtifactChoice, ArtifactReport } from '../../actions/artifacts.ts';
import type { Session } from '../session.ts';
import { newCommand } from '../teach.ts';
import { type Frame, verb } from '../verb.ts';

interface ArtifactFlags {
  readonly kubernetesVersion?: string;
  readonly withTests?: boolean;
  readonly bundle?: string;
  readonly toBundle?: string;
}

/** `quorate artifacts list|pull|verify`: the files that clusters are made of. */
export function artifactsCommand(frame: Frame): Command {
  const artifacts = newCommand('artifacts', {
    summary: 'list, get and check the files that clusters are made of',
    description:
      'Binaries and container images of upstream, pinned by version and checksum, in a cache on this host. `quorate up` gets what it needs by itself; these commands do it beforehand, or for a host without network access.',
    examples: [
      ['quorate artifacts list', 'what is there and what is missing'],
      ['quorate artifacts pull --to-bundle /mnt/usb', 'everything for a host without network access'],
    ],
  });
  for (const make of [listCommand, pullCommand, verifyCommand]) artifacts.addCommand(make(frame));
  return artifacts;
}

function listCommand(frame: Frame): Command {
  return withVersion(
    newCommand('list', {
      summary: 'show every artifact and whether it is in the cache',
      description: 'Lists every binary and image of a cluster with its version, size, and where it came from.',
      examples: [
        ['quorate artifacts list', ''],
        ['quorate artifacts list --kubernetes-version v1.35.4', 'those of another version'],
      ],
      takes: ['cluster'],
    }),
  ).action(
    verb<ArtifactFlags>(frame, 'ArtifactList', async (session, { options }) => {
      const { listAll } = await import('../../actions/artifacts.ts');
      return show(await listAll(await choice(session, options)));
    }),
  );
}

function pullCommand(frame: Frame): Command {
  return withVersion(
    newCommand('pull', {
      summary: 'get every artifact that is missing',
      description:
        'Gets what is missing: from a bundle when one is given, as official release downloads with their published checksums, or built from the Go modules of upstream, whichever works first. An interrupted pull continues; two at once share the work.',
      examples: [
        ['quorate artifacts pull', 'so that the next up needs no network'],
        ['quorate artifacts pull --to-bundle /mnt/usb', 'and copy everything into a directory'],
        ['quorate artifacts pull --bundle /mnt/usb', 'from such a directory'],
      ],
      takes: ['cluster', 'act'],
    }),
  )
    .addOption(new Option('--bundle <dir>', 'a directory with artifacts, asked before the network'))
    .addOption(new Option('--to-bundle <dir>', 'also copy everything into this directory, for another host'))
    .action(
      verb<ArtifactFlags>(frame, 'ArtifactList', async (session, { options }) => {
        const { pullAll } = await import('../../actions/artifacts.ts');
        const { bundle, toBundle } = options;
        const report = await pullAll(session.ctx, {
          ...(await choice(session, options)),
          ...(bundle === undefined ? {} : { fromBundle: bundle }),
          ...(toBundle === undefined ? {} : { toBundle }),
        });
        return show(report);
      }),
    );
}

function verifyCommand(frame: Frame): Command {
  return withVersion(
    newCommand('verify', {
      summary: 'read every artifact and compare it with its checksum',
      description:
        'Reads every file of the cache and compares it with the checksum that was recorded when it came. A file that has changed is named, and the next pull replaces it.',
      examples: [['quorate artifacts verify', '']],
      takes: ['cluster'],
    }),
  ).action(
    verb<ArtifactFlags>(frame, 'ArtifactList', async (session, { options }) => {
      const { verifyAll } = await import('../../actions/artifacts.ts');
      return show(await verifyAll(session.ctx, await choice(session, options)));
    }),
  );
}

function withVersion(command: Command): Command {
  return command
    .addOption(new Option('--kubernetes-version <version>', "default: the cluster file's"))
    .addOption(new Option('--with-tests', 'also the image that the end-to-end tests run'));
}

async function choice(session: Session, flags: ArtifactFlags): Promise<ArtifactChoice> {
  const kubernetesVersion = flags.kubernetesVersion ?? (await session.spec()).kubernetesVersion;
  return { kubernetesVersion, withTests: flags.withTests === true };
}

async function show(report: ArtifactReport) {
  const { renderArtifacts } = await import('../results/artifacts.ts');
  return { data: report, text: (theme: Session['theme']) => renderArtifacts(report, theme) };
}
