/** The last line of what a program said, where most of them say what went wrong. */
export function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.trim() ?? '';
}

/** The first line of a message, for places that have room for one. */
export function firstLine(text: string): string {
  return text.trim().split('\n')[0] ?? '';
}

/** Cuts pieces of output into lines; `end` reports what came after the last line break. */
export function lineReporter(report: (line: string) => void): { add: (text: string) => void; end: () => void } {
  let rest = '';
  return {
    add: (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) report(line);
    },
    end: () => {
      if (rest !== '') report(rest);
    },
  };
}
