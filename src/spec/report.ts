// Problems as a person reads them: place, what, the line with a caret, and what to write instead.
import type { Problem } from './problem.ts';

/** Longer source lines are cut around the caret. */
const MAX_EXCERPT = 110;

/** All problems of a file, errors first in the order of the file, ready to print. */
export function formatReport(file: string, text: string, problems: readonly Problem[]): string {
  const warnings = problems.filter(({ kind }) => kind === 'warning').length;
  const head = `${file} has ${counted(problems.length - warnings, 'problem')}${warnings === 0 ? '' : ` and ${counted(warnings, 'warning')}`}:`;
  return [head, ...problems.map((problem) => formatProblem(file, text, problem))].join('\n\n');
}

/** One problem with its excerpt. */
export function formatProblem(file: string, text: string, problem: Problem): string {
  const { line, column, message, fix, kind } = problem;
  const label = kind === 'invalid' ? '' : kind === 'unsupported' ? 'unsupported: ' : 'warning: ';
  return [`${file}:${line}:${column}: ${label}${message}`, ...excerpt(text, problem), `  fix: ${fix}`].join('\n');
}

function excerpt(text: string, { line, column, length }: Problem): readonly string[] {
  const source = visible(text.split(/\r?\n/)[line - 1] ?? '');
  if (source.trim() === '') return [];
  const start = Math.max(0, Math.min(column - 1 - 30, source.length - MAX_EXCERPT));
  const isCut = source.length > MAX_EXCERPT;
  const from = isCut ? start : 0;
  const shown = isCut ? source.slice(from, from + MAX_EXCERPT) : source;
  const caretAt = column - 1 - from;
  const width = Math.max(1, Math.min(length, shown.length - caretAt));
  const number = String(line).padStart(4);
  return [
    `${number} | ${shown.trimEnd()}`,
    `${' '.repeat(number.length)} | ${' '.repeat(caretAt)}^${'~'.repeat(width - 1)}`,
  ];
}

/** Tabs and control characters would shift the caret, or do worse to a terminal. */
function visible(text: string): string {
  return text.replace(/\p{Cc}/gu, ' ').replace(/^\uFEFF/, ' ');
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
