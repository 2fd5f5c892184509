// Writes the reference pages: node scripts/run-ts.mjs scripts/docs/generate.ts, from the top of the checkout.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { renderReference } from './index.ts';

for (const [path, text] of Object.entries(renderReference(readFileSync('src/core/events.ts', 'utf8')))) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
