// One host's shared connection: made by one command while the others wait, proven to answer before it is used.
import { dirname } from 'node:path';
import { type ExecResult, runCommand } from '../../core/command.ts';
import type { Context } from '../../core/context.ts';
import { hasCode, QuorateError } from '../../core/errors.ts';
import { throwIfAborted } from '../../core/wait.ts';
import { CONNECT_TIMEOUT_S, configArgv, controlArgv, isStrict, sshArgv } from './client.ts';
import { loginError, unreachable } from './failures.ts';
import { SSH_FAILED } from './remote-command.ts';
import { Slots } from './slots.ts';
import { makeSocketDirectory, type SshTarget, socketPath } from './target.ts';

/** Sessions at once on one connection: sshd's MaxSessions is 10 (sshd_config(5)), and another quorate may share it. */
const SESSIONS_PER_HOST = 8;
/** A connection that answered this lately needs no proof. As long as ssh itself takes to notice a dead one (client.ts). */
const FRESH_MS = 15_000;
/** Connecting, exchanging keys and logging in, jump hosts included. */
const LOGIN_DEADLINE_MS = (3 * CONNECT_TIMEOUT_S + 5) * 1000;
/** Questions that never leave this host. */
const LOCAL_DEADLINE_MS = 10_000;

/**
 * The connection to one host. Logs in on first use, and anew when it is found dead; throws MACHINE_UNREACHABLE with ssh's own
 * words, and HOST_TOOL_MISSING.
 */
export class Connection {
  readonly target: SshTarget;
  readonly #sessions = new Slots(SESSIONS_PER_HOST);
  readonly #processes: Slots;
  #answeredMs = 0;
  #login: Promise<void> | undefined;
  #knownHostsOnly: boolean | undefined;

  /** `processes` bounds the ssh processes of all connections together. */
  constructor(target: SshTarget, processes: Slots) {
    this.target = target;
    this.#processes = processes;
  }

  /** Where sockets and lifelines lie; there once a session has begun. */
  get directory(): string {
    return dirname(socketPath(this.target));
  }

  /**
   * Runs `work`, which may run one ssh process at a time, over a connection that answers. Throws MACHINE_UNREACHABLE,
   * SSH_AUTH_FAILED, SSH_HOST_KEY_CHANGED, SSH_HOST_KEY_UNKNOWN, HOST_TOOL_MISSING and ABORTED.
   */
  async session<T>(ctx: Context, work: () => Promise<T>): Promise<T> {
    return this.#sessions.use(ctx, () =>
      this.#processes.use(ctx, async () => {
        await this.#ensureAnswers(ctx);
        return work();
      }),
    );
  }

  /** argv on this host for a command (argv) on that one. */
  argv(remote: readonly string[], terminal = false): readonly string[] {
    return sshArgv(this.target, { sharing: 'no', terminal, ...this.#strictness() }, remote);
  }

  /** A command has come back: the connection works. */
  markAnswered(): void {
    this.#answeredMs = Date.now();
  }

  /** The connection has failed: the next session makes sure first. */
  markLost(): void {
    this.#answeredMs = 0;
  }

  /** True while this host holds a connection, whether it works or not. */
  async isOpen(ctx: Context): Promise<boolean> {
    return (await this.#ask(ctx, controlArgv(this.target, 'check'), LOCAL_DEADLINE_MS)).exitCode === 0;
  }

  #strictness() {
    return { knownHostsOnly: this.#knownHostsOnly ?? false };
  }

  async #ensureAnswers(ctx: Context): Promise<void> {
    while (Date.now() - this.#answeredMs > FRESH_MS) {
      const isMine = this.#login === undefined;
      this.#login ??= this.#logIn(ctx).finally(() => {
        this.#login = undefined;
      });
      try {
        await this.#login;
      } catch (error) {
        // Somebody else's login was stopped, not this one.
        if (isMine || !hasCode(error, 'ABORTED')) throw error;
        throwIfAborted(ctx);
      }
    }
  }

  async #logIn(ctx: Context): Promise<void> {
    await makeSocketDirectory(socketPath(this.target));
    this.#knownHostsOnly ??= isStrict((await this.#ask(ctx, configArgv(this.target), LOCAL_DEADLINE_MS)).stdout);
    const argv = sshArgv(this.target, { sharing: 'auto', ...this.#strictness() }, ['true']);
    let result = await this.#ask(ctx, argv, LOGIN_DEADLINE_MS);
    // A connection left by an earlier command can be dead without knowing it: one fresh attempt.
    if (result.exitCode === SSH_FAILED && (await this.#drop(ctx)))
      result = await this.#ask(ctx, argv, LOGIN_DEADLINE_MS);
    if (result.exitCode === SSH_FAILED) throw loginError(this.target, result.stderr);
    if (result.exitCode !== 0) throw shellRefused(this.target, result);
    this.markAnswered();
  }

  async #drop(ctx: Context): Promise<boolean> {
    return (await this.#ask(ctx, controlArgv(this.target, 'exit'), LOCAL_DEADLINE_MS)).exitCode === 0;
  }

  /** Not a command of the user's: no event. */
  async #ask(ctx: Context, argv: readonly string[], timeoutMs: number): Promise<ExecResult> {
    try {
      const quiet = { ...ctx, emit: () => {} };
      return await runCommand(quiet, argv, { allowFailure: true, timeoutMs, env: { LC_ALL: 'C' } });
    } catch (error) {
      if (hasCode(error, 'COMMAND_NOT_FOUND')) throw sshMissing(error);
      if (hasCode(error, 'COMMAND_TIMED_OUT')) throw unreachable(this.target, `no login within ${timeoutMs / 1000} s`);
      throw error;
    }
  }
}

function shellRefused({ machine, user }: SshTarget, { exitCode, stderr, stdout }: ExecResult): QuorateError {
  const said = (stderr.trim() || stdout.trim()).slice(-200);
  return new QuorateError(
    'SSH_AUTH_FAILED',
    `${user} can log in to ${machine} but not run commands: the login shell ended with exit code ${exitCode}${said === '' ? '' : `: ${said}`}`,
    { hint: `give ${user} a shell there, for example: chsh -s /bin/bash ${user}`, data: { machine } },
  );
}

function sshMissing(cause: unknown): QuorateError {
  return new QuorateError('HOST_TOOL_MISSING', 'ssh is not installed on this host', {
    hint: 'install it with: apt-get install openssh-client',
    cause,
  });
}
