import type { QuorateEvent } from '../../core/events.ts';
import { makeTheme } from '../../report/theme.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import { makeJsonRenderer } from './json.ts';
import { makePlainRenderer } from './plain.ts';
import { makePrettyRenderer } from './pretty.ts';

/** Shows the events of one command on standard error while it runs. */
export interface Renderer {
  onEvent(event: QuorateEvent): void;
  /** Writes text above whatever is being drawn. */
  print(text: string): void;
  /** Clears what is being drawn until the next event, so that a question can be asked. */
  pause(): void;
  /** Stops drawing and gives the terminal back as it was. Safe to call twice. */
  close(): void;
}

/**
 * The renderer that the options ask for. `pretty` needs a terminal; without one it becomes `plain`, since cursor movements
 * would fill a log file with noise.
 */
export function makeRenderer(io: Io, options: GlobalOptions): Renderer {
  const { output, debug, color } = options;
  if (output === 'json') return makeJsonRenderer(io.stderr, debug);
  const isTTY = io.stderr.isTTY === true;
  const theme = makeTheme({ isTTY, env: io.env, flag: color, columns: io.stderr.columns });
  if (output === 'pretty' && isTTY) return makePrettyRenderer(io.stderr, theme, debug);
  return makePlainRenderer(io.stderr, theme, debug);
}
