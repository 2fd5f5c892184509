import type { QuorateEvent } from '../../core/events.ts';
import type { OutStream } from '../io.ts';
import type { Renderer } from './renderer.ts';

/**
 * With `-o json` standard output carries the result alone. Events go to standard error, one JSON object a line, and only with
 * `--debug`: a program that reads the result needs no progress.
 */
export function makeJsonRenderer(out: OutStream, debug: boolean): Renderer {
  const write = (event: object) => {
    if (debug) out.write(`${JSON.stringify(event)}\n`);
  };
  return {
    onEvent: (event: QuorateEvent) => write(event),
    print: (text) => write({ t: Date.now(), code: 'note', data: { text } }),
    pause: () => {},
    close: () => {},
  };
}
