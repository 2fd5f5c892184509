import type { Theme } from '../../report/theme.ts';
import type { OutStream } from '../io.ts';
import { finishedLine } from './finished.ts';
import { renderFrame } from './frame.ts';
import { makeLiveRegion } from './live-region.ts';
import type { Renderer } from './renderer.ts';
import { EMPTY_VIEW, reduceView } from './view.ts';

/** Ten pictures a second look alive and cost nothing measurable. */
const REDRAW_MS = 100;

/** For a terminal: what is going on is redrawn in place, what is over stays above it. */
export function makePrettyRenderer(out: OutStream, theme: Theme, debug: boolean): Renderer {
  const region = makeLiveRegion(out);
  let view = EMPTY_VIEW;
  let timer: NodeJS.Timeout | undefined;
  // The window may have been resized since the last picture.
  const current = (): Theme => ({ ...theme, width: out.columns ?? theme.width });
  const draw = () => region.draw(renderFrame(view, Date.now(), current(), out.rows));
  const stop = () => {
    clearInterval(timer);
    timer = undefined;
    region.clear();
  };
  // A process that dies on a defect must not leave the user without a cursor.
  const onExit = () => region.clear();
  process.once('exit', onExit);
  return {
    onEvent(event) {
      const line = finishedLine(event, view, current(), debug);
      view = reduceView(view, event);
      if (line !== undefined) region.print(line);
      const isBusy = view.phases.size + view.artifacts.size + view.conditions.size > 0;
      if (!isBusy) return stop();
      // Drawn by the clock only: a burst of events would otherwise draw hundreds of pictures.
      timer ??= setInterval(draw, REDRAW_MS).unref();
    },
    print: (text) => region.print(text),
    pause: stop,
    close() {
      view = EMPTY_VIEW;
      stop();
      process.off('exit', onExit);
    },
  };
}
