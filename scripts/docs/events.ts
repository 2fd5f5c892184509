import { fence, page } from './markdown.ts';

/** One event as the registry declares it. */
export interface EventDeclaration {
  readonly code: string;
  readonly comment: string;
  /** The type of its data, as TypeScript. */
  readonly type: string;
}

/** Reads the registry off the text of src/core/events.ts. Throws when an event has no comment. */
export function eventDeclarations(source: string): readonly EventDeclaration[] {
  const body = /export interface EventData \{\n([\s\S]*?)\n\}\n/.exec(source)?.[1] ?? '';
  const entries = [...body.matchAll(/( {2}\/\*\*[\s\S]*?\*\/\n)? {2}'?([a-z.]+)'?: (\{[\s\S]*?\n? ?\});(?=\n|$)/g)];
  return entries.map(([, comment, code = '', type = '']) => {
    if (comment === undefined) throw new Error(`the event ${code} has no doc comment in src/core/events.ts`);
    return { code, comment: commentText(comment), type: type.replace(/^ {2}/gm, '') };
  });
}

function commentText(comment: string): string {
  return comment
    .replace(/\/\*\*|\*\//g, '')
    .replace(/^\s*\* ?/gm, '')
    .replace(/\s+/g, ' ')
    .trim();
}

/** Every event with its data. */
export function renderEventsPage(source: string): string {
  const declarations = eventDeclarations(source);
  return page(
    'Events',
    'While it works, quorate emits events. The terminal draws them; runs that change a cluster write them, one JSON object a line, to a journal below `/var/lib/quorate/runs` (or `$QUORATE_STATE_DIR/runs`); `-o json --debug` writes them to standard error. Each one is `{ "t": …, "code": …, "data": … }` with `t` in milliseconds since the Unix epoch. No event holds a secret.',
    declarations.flatMap(({ code, comment, type }) => [`## \`${code}\``, comment, fence(type, 'ts')]),
  );
}
