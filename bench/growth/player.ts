// One process of the bench: one verb, once, and what it took.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { silentContext } from '../../src/core/context.ts';
import { parseSpec } from '../../src/spec/load.ts';
import { peakMemory } from '../memory.ts';
import { YAML_FILE } from './directory.ts';
import type { Verb } from './options.ts';
import { perform } from './perform.ts';
import { enterStage } from './players.ts';
import type { Act } from './run.ts';

/** What the issue asks for: every command of a machine takes so long. */
const LATENCY_MS = 20;

/** Plays a verb in a directory that setStage has filled. Throws RangeError when it found something to do. */
export async function play(verb: Verb | 'read', directory: string): Promise<Act> {
  if (verb === 'read') return readFile(directory);
  const { spec, driver } = await enterStage(silentContext(), directory, LATENCY_MS);
  const ms = await perform(verb, spec, driver, directory);
  return { ms, peakBytes: peakMemory() };
}

function readFile(directory: string): Act {
  const text = readFileSync(join(directory, YAML_FILE), 'utf8');
  const start = performance.now();
  parseSpec(text);
  return { ms: performance.now() - start, peakBytes: peakMemory() };
}
