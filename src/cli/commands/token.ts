import { type Command, Option } from 'commander';
import { formatDuration } from '../../core/wait.ts';
import { parseDuration } from '../duration.ts';
import { newCommand } from '../teach.ts';
import { type Frame, verb } from '../verb.ts';

/** kubeadm's own default. */
const DEFAULT_TTL = '24h';

interface CreateFlags {
  readonly ttl: number;
  readonly description?: string;
  readonly printJoinCommand?: boolean;
}

/** `quorate token create|list|revoke`: bootstrap tokens, for machines that join by hand. */
export function tokenCommand(frame: Frame): Command {
  const token = newCommand('token', {
    summary: 'bootstrap tokens, for machines that join by hand',
    description:
      "Kubernetes' own bootstrap tokens, as kubeadm makes and reads them. quorate up needs none of them: it makes one for each run and revokes it at the end.",
    examples: [
      ['quorate token create --print-join-command', 'what to type on a machine that is to join'],
      ['quorate token list', ''],
    ],
  });
  for (const make of [createCommand, listCommand, revokeCommand]) token.addCommand(make(frame));
  return token;
}

function createCommand(frame: Frame): Command {
  return newCommand('create', {
    summary: 'make a token, and print it once',
    description:
      'Makes a bootstrap token and prints it on standard output. Whoever holds it can add a worker to the cluster until it expires or is revoked; quorate keeps no copy, neither in its journal nor anywhere else.',
    examples: [
      ['quorate token create', ''],
      ['quorate token create --ttl 1h --description "rack 7"', ''],
      ['quorate token create --print-join-command', 'the whole kubeadm join line'],
    ],
    takes: ['cluster', 'act'],
  })
    .addOption(
      new Option('--ttl <duration>', 'how long it lives')
        .argParser(parseDuration)
        .default(parseDuration(DEFAULT_TTL), DEFAULT_TTL),
    )
    .addOption(new Option('--description <text>', 'what it is for, shown by quorate token list'))
    .addOption(new Option('--print-join-command', 'print the kubeadm join command instead of the token alone'))
    .action(
      verb<CreateFlags>(frame, 'Token', async (session, { options }) => {
        const { connect, newToken } = await import('../../actions/tokens.ts');
        const spec = await session.spec();
        const { ttl, description, printJoinCommand } = options;
        const made = await newToken(session.ctx, spec, await connect(session.ctx, spec), {
          ttlMs: ttl,
          ...(description === undefined ? {} : { description }),
        });
        session.ctx.emit('note', { text: `token ${made.id} expires in ${formatDuration(ttl)}; keep it secret` });
        return { data: made, text: () => (printJoinCommand ? made.joinCommand : made.token) };
      }),
    );
}

function listCommand(frame: Frame): Command {
  return newCommand('list', {
    summary: 'show the tokens of the cluster, without their secrets',
    description: 'Lists the bootstrap tokens of the cluster, whoever made them: id, expiry, usages and description.',
    examples: [
      ['quorate token list', ''],
      ['quorate token list -o json', 'as data'],
    ],
    takes: ['cluster'],
  })
    .alias('ls')
    .action(
      verb(frame, 'TokenList', async (session) => {
        const [{ connect }, { listTokens }, { renderTokens }] = await Promise.all([
          import('../../actions/tokens.ts'),
          import('../../kube/tokens.ts'),
          import('../results/tokens.ts'),
        ]);
        const tokens = await listTokens(await connect(session.ctx, await session.spec()));
        return { data: { tokens }, text: (theme) => renderTokens(tokens, theme) };
      }),
    );
}

function revokeCommand(frame: Frame): Command {
  return newCommand('revoke', {
    summary: 'make tokens worthless at once',
    description: 'Deletes bootstrap tokens, named by their id or in full. Nodes that have joined with them stay.',
    examples: [['quorate token revoke abcdef', 'its id, as quorate token list shows it']],
    takes: ['cluster', 'act'],
  })
    .argument('<tokens...>', 'ids, or whole tokens')
    .action(
      verb(frame, 'TokenRevocation', async (session, { args }) => {
        const { connect, revokeTokens } = await import('../../actions/tokens.ts');
        const spec = await session.spec();
        const report = await revokeTokens(session.ctx, spec, await connect(session.ctx, spec), args[0] as string[]);
        return {
          data: report,
          text: ({ style, glyphs }) => `${style.green(glyphs.ok)} revoked: ${report.revoked.join(', ')}`,
        };
      }),
    );
}
