// cluster.yaml as text: its syntax errors, its plain value, and where each path stands in it.
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
  type YAMLError,
} from 'yaml';
import { formatPath, type SpecPath } from './problem.ts';

/** A stretch of the text. Line and column count from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
  readonly length: number;
}

/** What the YAML reader complained about. */
export interface SyntaxProblem extends Place {
  readonly path: string;
  readonly message: string;
  readonly fix: string;
  /** true: what follows in the file cannot be trusted. */
  readonly breaksStructure: boolean;
}

/** A YAML text that remembers where each value stands in it. */
export interface SpecDocument {
  readonly text: string;
  /** The plain value: maps, lists, strings, numbers, booleans, null. */
  readonly value: unknown;
  readonly syntax: readonly SyntaxProblem[];
  /** The place of a path, or of its nearest parent that is in the file. */
  place(path: SpecPath, at?: 'key' | 'value'): Place;
  /** True when the path is in the file. */
  has(path: SpecPath): boolean;
}

/** Reads YAML without throwing: errors are in the result. */
export function readDocument(text: string): SpecDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  const problems = withoutFollowUps(document.errors).map((error) => syntaxProblem(error, document, text, lines));
  let value: unknown;
  try {
    value = document.toJS();
  } catch (error) {
    // Aliases that refer to nothing, or that multiply without end.
    problems.push({
      ...{ line: 1, column: 1, length: 1, path: '', breaksStructure: true },
      message: `an alias cannot be followed: ${error instanceof Error ? error.message : String(error)}`,
      fix: 'write the value itself instead of the *alias',
    });
  }
  const find = (path: SpecPath) => nodeAt(document, path);
  return {
    text,
    value,
    syntax: problems,
    has: (path) => find(path).depth === path.length,
    place: (path, at = 'value') => {
      const found = find(path);
      // A parent stands in for a missing path: its key says more than the start of its content.
      const useKey = at === 'key' || found.depth < path.length;
      return placeOf(((useKey ? found.key : found.node) ?? found.node ?? found.key)?.range, text, lines);
    },
  };
}

/** After the first broken place the reader stumbles over every word: one such error says enough. */
function withoutFollowUps(errors: readonly YAMLError[]): readonly YAMLError[] {
  const first = errors.findIndex(({ code }) => code !== 'DUPLICATE_KEY');
  return errors
    .filter(({ code }, index) => index <= first || first < 0 || code !== 'UNEXPECTED_TOKEN')
    .slice(0, MAX_SYNTAX);
}

/** More errors than this in one file are hardly independent of each other. */
const MAX_SYNTAX = 20;

interface Found {
  readonly node: Node | undefined;
  readonly key: Node | undefined;
  /** How many steps of the path are in the file. */
  readonly depth: number;
}

function nodeAt(document: Document.Parsed, path: SpecPath): Found {
  let found: Found = { node: document.contents ?? undefined, key: undefined, depth: 0 };
  for (const step of path) {
    const parent = isAlias(found.node) ? found.node.resolve(document) : found.node;
    if (isMap(parent)) {
      // The last of duplicate keys is the one whose value counts.
      const pair = parent.items.findLast((item) => isScalar(item.key) && String(item.key.value) === String(step));
      if (pair === undefined) return found;
      found = { node: (pair.value ?? undefined) as Node | undefined, key: pair.key as Node, depth: found.depth + 1 };
    } else if (isSeq(parent) && typeof step === 'number' && parent.items[step] !== undefined) {
      found = { node: parent.items[step] as Node, key: undefined, depth: found.depth + 1 };
    } else return found;
  }
  return found;
}

function placeOf(range: readonly number[] | null | undefined, text: string, lines: LineCounter): Place {
  const start = range?.[0] ?? 0;
  const end = range?.[1] ?? start + 1;
  const { line, col } = lines.linePos(start);
  const firstLine = text.slice(start, end).split(/\r?\n/, 1)[0] ?? '';
  return { line: Math.max(1, line), column: Math.max(1, col), length: Math.max(1, firstLine.trimEnd().length) };
}

const FIXES: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'indent with spaces',
  BAD_INDENT: 'indent the lines of one list or map alike, and close every bracket',
  MULTIPLE_DOCS: 'keep one cluster in a file: remove everything from the second --- on',
  MISSING_CHAR: 'close the bracket or quote, or add the missing character',
};

function syntaxProblem(error: YAMLError, document: Document.Parsed, text: string, lines: LineCounter): SyntaxProblem {
  const [start, end] = error.pos;
  const path = pathOfKey(document, start);
  if (error.code === 'DUPLICATE_KEY') {
    const place = placeOf(keyRangeAt(document, start) ?? [start, end], text, lines);
    const message = `${formatPath(path)} is written twice`;
    return { ...place, path: formatPath(path), message, fix: 'remove one of the two', breaksStructure: false };
  }
  const message =
    error.code === 'MULTIPLE_DOCS' ? 'the file holds more than one YAML document' : lowerFirst(error.message);
  return {
    ...placeOf([start, end], text, lines),
    path: '',
    message: `the YAML cannot be read: ${message}`,
    fix: FIXES[error.code] ?? 'correct the YAML here; a value with special characters must stand in quotes',
    breaksStructure: error.code !== 'MULTIPLE_DOCS',
  };
}

/** The path of the key that starts at an offset of the text. */
function pathOfKey(document: Document.Parsed, offset: number): SpecPath {
  let result: SpecPath = [];
  visit(document, {
    Pair(_, pair, ancestors) {
      if (startOf(pair) !== offset) return undefined;
      result = pathOfPair(pair, ancestors as readonly unknown[]);
      return visit.BREAK;
    },
  });
  return result;
}

function pathOfPair(pair: Pair, ancestors: readonly unknown[]): SpecPath {
  const chain = [...ancestors, pair];
  return chain.flatMap((entry, index): (string | number)[] => {
    const parent = chain[index - 1];
    if (isSeq(parent)) return [parent.items.indexOf(entry)];
    return isKeyed(entry) ? [String(entry.key.value)] : [];
  });
}

function isKeyed(entry: unknown): entry is { key: { value: unknown } } {
  return isScalar((entry as { key?: unknown } | null)?.key);
}

function startOf(pair: Pair): number | undefined {
  return isScalar(pair.key) ? pair.key.range?.[0] : undefined;
}

function keyRangeAt(document: Document.Parsed, offset: number): readonly number[] | undefined {
  let range: readonly number[] | undefined;
  visit(document, {
    Pair(_, pair) {
      if (startOf(pair) !== offset || !isScalar(pair.key)) return undefined;
      range = pair.key.range ?? undefined;
      return visit.BREAK;
    },
  });
  return range;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
