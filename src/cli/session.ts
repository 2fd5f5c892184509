// One run of one command: its context, who listens to its events, and its way to ask and answer.
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import { EventBus } from '../core/events.ts';
import { Redactor } from '../core/redact.ts';
import { formatDuration } from '../core/wait.ts';
import { makeTheme, type Theme } from '../report/theme.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { confirm, confirmName } from './confirm.ts';
import type { GlobalOptions } from './global-options.ts';
import type { Io } from './io.ts';
import { makeRenderer, type Renderer } from './render/renderer.ts';
import { handleSignals, leaveSignalsToChild } from './signals.ts';
import type { EventSink, SinkFactory } from './subscribers.ts';

/** What a command's action is given. */
export interface Session {
  readonly ctx: Context;
  readonly io: Io;
  readonly options: GlobalOptions;
  /** The look of standard output. */
  readonly theme: Theme;
  /** The cluster this command is about: -f, --cluster, ./cluster.yaml, or the demo. Throws SPEC_NOT_FOUND, SPEC_INVALID. */
  spec(settings?: { readonly showWarnings?: boolean }): Promise<ClusterSpec>;
  /** Asks before something is changed; returns at once with --yes. Throws CONFIRMATION_NEEDED, ABORTED. */
  confirm(question: string): Promise<void>;
  /** Asks for a name to be typed before something is destroyed; `given` is what --confirm said. Throws as confirm. */
  confirmName(question: string, name: string, given?: string): Promise<void>;
  /** Writes text to standard error, above what is being drawn: a plan, before its question. */
  show(text: (theme: Theme) => string): void;
}

/** A session together with what its owner needs to end it. */
export interface OpenSession {
  readonly session: Session;
  /** Ends progress, listeners and signal handling. Safe to call twice. */
  close(): Promise<void>;
  /** Where the run's log is, when there is one. */
  logFile(): string | undefined;
}

/** How a session begins. */
export interface SessionSetup {
  readonly verb: string;
  readonly io: Io;
  readonly options: GlobalOptions;
  readonly sinks: readonly SinkFactory[];
  /** true: the command hands the terminal to another program, which gets Ctrl-C. */
  readonly isInteractive: boolean;
}

/** Opens the session of one command. */
export function openSession(setup: SessionSetup): OpenSession {
  const { io, options } = setup;
  const bus = new EventBus();
  const controller = new AbortController();
  const redactor = new Redactor();
  const renderer = makeRenderer(io, options);
  const sinks = setup.sinks.map((make) => make({ verb: setup.verb, redactor }));
  bus.subscribe(renderer.onEvent);
  for (const sink of sinks) bus.subscribe(sink.onEvent);
  const deadline = startDeadline(options.timeoutMs, controller);
  const removeSignals = setup.isInteractive ? leaveSignalsToChild() : stopOnSignals(controller, renderer);
  const session: Session = {
    ctx: { emit: bus.emit, signal: controller.signal, redactor },
    io,
    options,
    theme: themeOf(io, 'stdout', options),
    spec: async ({ showWarnings } = {}) => {
      const { findSpec } = await import('./cluster-file.ts');
      const { spec, warnings } = await findSpec(options);
      for (const { path, message } of showWarnings ? warnings : [])
        bus.emit('warning', { text: `${path}: ${message}` });
      return spec;
    },
    confirm: async (question) => {
      renderer.pause();
      await confirm(io, question, {
        yes: options.yes,
        isUnattended: options.output === 'json',
        signal: controller.signal,
      });
    },
    confirmName: async (question, name, given) => {
      renderer.pause();
      await confirmName(io, question, name, {
        isUnattended: options.output === 'json',
        signal: controller.signal,
        ...(given === undefined ? {} : { given }),
      });
    },
    show: (text) => renderer.print(text(themeOf(io, 'stderr', options))),
  };
  return {
    session,
    close: once(async () => {
      clearTimeout(deadline);
      removeSignals();
      renderer.close();
      for (const sink of sinks) await sink.close();
    }),
    logFile: () => firstLocation(sinks),
  };
}

function themeOf(io: Io, stream: 'stdout' | 'stderr', options: GlobalOptions): Theme {
  const { isTTY = false, columns } = io[stream];
  return makeTheme({ isTTY, env: io.env, flag: options.color, columns });
}

function stopOnSignals(controller: AbortController, renderer: Renderer): () => void {
  return handleSignals({
    abort: (reason) => controller.abort(reason),
    say: (text) => renderer.print(text),
    restore: () => renderer.close(),
  });
}

function startDeadline(timeoutMs: number | undefined, controller: AbortController): NodeJS.Timeout | undefined {
  if (timeoutMs === undefined) return undefined;
  const error = new QuorateError(
    'WAIT_TIMED_OUT',
    `the command ran past its --timeout of ${formatDuration(timeoutMs)}`,
  );
  return setTimeout(() => controller.abort(error), timeoutMs).unref();
}

function firstLocation(sinks: readonly EventSink[]): string | undefined {
  return sinks.map((sink) => sink.location()).find((location) => location !== undefined);
}

function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => {
    running ??= work();
    return running;
  };
}
