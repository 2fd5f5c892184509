/** The last line of what a program said, where most of them say what went wrong. */
export function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.trim() ?? '';
}

/** The first line of a message, for places that have room for one. */
export function firstLine(text: string): string {
  return text.trim().split('\n')[0] ?? '';
}
