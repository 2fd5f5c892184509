// The shared cluster's file with something changed, in a file of its own: what an owner does who edits cluster.yaml.
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Document, parseDocument } from 'yaml';
import { CLUSTER_FILE } from './cli.ts';

/** Writes the changed file and returns its path. */
export async function variant(change: (document: Document) => void, of: string = CLUSTER_FILE): Promise<string> {
  const document = parseDocument(await readFile(of, 'utf8'));
  change(document);
  const path = join(await mkdtemp(join(tmpdir(), 'quorate-variant-')), 'cluster.yaml');
  await writeFile(path, String(document));
  return path;
}

/** Adds machines behind the others. */
export function addMachines(document: Document, machines: readonly object[]): void {
  const list = document.getIn(['spec', 'machines']) as { add(value: unknown): void };
  for (const machine of machines) list.add(document.createNode(machine));
}
