// cluster.yaml in, ClusterSpec out; or one error that holds every problem of the file.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { messageOf, QuorateError } from '../core/errors.ts';
import { checkMeaning } from './checks/index.ts';
import { readDocument, type SpecDocument } from './document.ts';
import { type Finding, formatPath, type Problem } from './problem.ts';
import { formatReport } from './report.ts';
import { resolveSpec } from './resolve.ts';
import { checkShape } from './shape.ts';
import type { ClusterSpec } from './types.ts';
import { KUBERNETES_VERSIONS } from './versions.ts';

/** How strict to be with a file. */
export interface ParseOptions {
  /** Kubernetes versions to accept, newest first; default: this release's. */
  readonly kubernetesVersions?: readonly string[];
  /** allow: what this release cannot do becomes a warning. For tools that only look at a file. Default refuse. */
  readonly unsupported?: 'refuse' | 'allow';
}

/** A cluster.yaml that passed, with what its owner should know. */
export interface LoadedSpec {
  readonly spec: ClusterSpec;
  readonly warnings: readonly Problem[];
}

/**
 * Reads and checks a cluster.yaml. Throws SPEC_NOT_FOUND, SPEC_INVALID, and SPEC_UNSUPPORTED when nothing is wrong but
 * something is beyond this release.
 */
export async function loadSpec(path: string, options: ParseOptions = {}): Promise<LoadedSpec> {
  const text = await readSpecFile(path);
  const { spec, warnings } = parseSpec(text, path, options);
  return { spec: Object.freeze({ ...spec, file: resolve(path) }), warnings };
}

async function readSpecFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const message = isMissing ? `no such file: ${path}` : `cannot read ${path}: ${messageOf(cause)}`;
    throw new QuorateError('SPEC_NOT_FOUND', message, {
      ...(isMissing ? {} : { hint: 'pass another file with --file, or make this one readable' }),
      data: { file: path },
      cause,
    });
  }
}

/**
 * Checks the text of a cluster.yaml. `file` only names it in messages. Throws SPEC_INVALID or SPEC_UNSUPPORTED, whose message
 * is the whole report and whose `data.problems` is the list, warnings included.
 */
export function parseSpec(text: string, file = 'cluster.yaml', options: ParseOptions = {}): LoadedSpec {
  const document = readDocument(text);
  const shape = checkShape(document.value);
  const meaning = checkMeaning(shape.draft, options.kubernetesVersions ?? KUBERNETES_VERSIONS);
  const findings = [...shape.findings, ...meaning].map((finding) => soften(finding, options));
  const problems = sortProblems([...syntaxProblems(document), ...placed(document, findings)]);
  const errors = problems.filter(({ kind }) => kind !== 'warning');
  const warnings = problems.filter(({ kind }) => kind === 'warning');
  if (errors.length === 0 && shape.file !== undefined) return { spec: resolveSpec(shape.file), warnings };
  const onlyUnsupported = errors.every(({ kind }) => kind === 'unsupported');
  throw new QuorateError(
    onlyUnsupported ? 'SPEC_UNSUPPORTED' : 'SPEC_INVALID',
    formatReport(file, text, [...errors, ...warnings]),
    { data: { file, problems: [...errors, ...warnings] } },
  );
}

function soften(finding: Finding, options: ParseOptions): Finding {
  return finding.kind === 'unsupported' && options.unsupported === 'allow' ? { ...finding, kind: 'warning' } : finding;
}

function syntaxProblems(document: SpecDocument): readonly Problem[] {
  return document.syntax.map(({ path, line, column, length, message, fix }) => ({
    ...({ kind: 'invalid', code: 'SPEC_INVALID', path } as const),
    ...{ line, column, length, message, fix },
  }));
}

/**
 * Gives findings their places. Behind an error of the syntax nothing can be trusted, nor that something is missing: only
 * findings on lines before it, about what is in the file, stay.
 */
function placed(document: SpecDocument, findings: readonly Finding[]): readonly Problem[] {
  const broken = document.syntax.filter(({ breaksStructure }) => breaksStructure).map(({ line }) => line);
  const trusted = Math.min(...broken, Number.POSITIVE_INFINITY);
  return findings
    .filter((finding) => broken.length === 0 || document.has(finding.path))
    .map((finding) => problemOf(document, finding))
    .filter((problem) => problem.line < trusted && !(broken.length > 0 && problem.kind === 'warning'));
}

function problemOf(document: SpecDocument, finding: Finding): Problem {
  const { kind, code, path, fallback, at, message, fix } = finding;
  const where = fallback !== undefined && !document.has(path) ? fallback : path;
  return {
    ...{ kind, ...(code === undefined ? {} : { code }), path: formatPath(path) },
    ...document.place(where, at),
    ...{ message, fix },
  };
}

function sortProblems(problems: readonly Problem[]): readonly Problem[] {
  return [...problems].sort((a, b) => a.line - b.line || a.column - b.column);
}
