// What an observation will say once files are written: for the plan of what follows from them.
import { createHash } from 'node:crypto';
import type { FileContent } from '../../core/file.ts';
import type { MachineFacts } from '../../machines/facts.ts';

/** The facts of a machine after files have been written to it. */
export function writtenTo(facts: MachineFacts, written: readonly FileContent[], nowMs: number): MachineFacts {
  const states = written.map(({ path, content, mode }): [string, MachineFacts['files'][string]] => [
    path,
    { sha256: createHash('sha256').update(content).digest('hex'), mode, mtimeMs: nowMs },
  ]);
  const certificates = written
    .filter(({ path }) => path in facts.certificates)
    .map(({ path, content }): [string, string] => [path, Buffer.from(content).toString()]);
  return {
    ...facts,
    files: { ...facts.files, ...Object.fromEntries(states) },
    certificates: { ...facts.certificates, ...Object.fromEntries(certificates) },
  };
}
