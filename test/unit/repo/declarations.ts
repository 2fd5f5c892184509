import type { SourceFile } from './sources.ts';

/** A declaration, or a function, by its place: `src/core/wait.ts:35 export interface WaitOptions {`. */
const placeOf = ({ path }: SourceFile, lines: readonly string[], index: number) =>
  `${path}:${index + 1} ${lines[index]?.trim()}`;

const EXPORTED =
  /^export (?:(?:declare|abstract|async) )*(?:function|class|interface|type|const|let|var) (?![{[]|\w+ from)/;
const DESTRUCTURED = /^export (?:const|let|var) [{[]/;

/** Exported functions, classes, interfaces, types and constants of a file that have no doc comment directly above them. */
export function undocumentedExports(file: SourceFile): readonly string[] {
  const lines = file.text.split('\n');
  return lines.flatMap((line, index) => {
    const isExported = EXPORTED.test(line) || DESTRUCTURED.test(line);
    return isExported && !endsDocComment(lines.slice(0, index)) ? [placeOf(file, lines, index)] : [];
  });
}

function endsDocComment(above: readonly string[]): boolean {
  if (!above.at(-1)?.endsWith('*/')) return false;
  const start = above.findLastIndex((line) => line.startsWith('/*'));
  const comment = above.slice(start).join('\n');
  return /^\/\*\*\s/.test(comment) && /[a-z]/i.test(comment);
}

/** What a file declares and exports elsewhere in it (`export { a };`): undocumentedExports does not see it. */
export function detachedExports(file: SourceFile): readonly string[] {
  const lists = [...file.text.matchAll(/^export (?:type )?\{([^}]*)\}(?!\s*from\b)/gm)].map(([, names = '']) => names);
  const names = lists.flatMap((list) => list.match(/\w+/g) ?? []);
  const declares = (name: string) =>
    new RegExp(`^(?:(?:abstract|async) )*(?:function|class|interface|type|const|let|var) ${name}\\b`, 'm');
  return names.filter((name) => declares(name).test(file.text)).map((name) => `${file.path} ${name}`);
}

/** Lines with which a function begins: `function`, an arrow with a body in braces, a method. */
const BEGINNINGS = [
  /^(?:export )?(?:async )?function\b/,
  /^(?!\)).*=> \{$/,
  /^(?:(?:static|private|protected|override|async|get|set) )*#?\w+(?:<.*>)?\((?:.*\)(?:: .+)? \{)?$/,
];
/** What looks like a method and is none. */
const STATEMENTS = /^(?:if|for|while|switch|catch|return|await|throw|new|super)\b/;

/**
 * Functions of a file that are longer than `most` lines, from the line with their name to the closing brace, which the formatter puts
 * in the column where that line begins. Text of another language within quotes may hold such a brace: then it counts too few lines.
 */
export function longFunctions(file: SourceFile, most: number): readonly string[] {
  const lines = file.text.split('\n');
  return lines.flatMap((_line, index) => {
    const length = functionLength(lines.slice(index));
    return length > most ? [`${placeOf(file, lines, index)} has ${length} lines`] : [];
  });
}

/** 0 when no function begins with the first of these lines. */
function functionLength(lines: readonly string[]): number {
  const [first = ''] = lines;
  const [indent = ''] = /^ */.exec(first) ?? [];
  const text = first.slice(indent.length);
  if (STATEMENTS.test(text) || !BEGINNINGS.some((pattern) => pattern.test(text))) return 0;
  // Parameters on lines of their own, or a call with arguments on lines of their own.
  const isOpen = text.endsWith('(');
  if (isOpen && !lines.find((line) => line.startsWith(`${indent})`))?.endsWith('{')) return 0;
  // `}`, `};`, `});`, … and nothing that opens another block.
  return lines.findIndex((line) => line.startsWith(`${indent}}`) && !line.endsWith('{')) + 1;
}
