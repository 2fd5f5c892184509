// Writes schema/cluster.schema.json from the zod schema: node scripts/generate-schema.mjs
// Node 20 cannot run TypeScript itself, so the module is bundled in memory first. A unit test fails when this was forgotten.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

const { outputFiles } = await build({
  entryPoints: ['src/spec/json-schema.ts'],
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  write: false,
});
const code = Buffer.from(outputFiles[0].contents).toString('base64');
const { renderJsonSchema } = await import(`data:text/javascript;base64,${code}`);
mkdirSync('schema', { recursive: true });
writeFileSync('schema/cluster.schema.json', renderJsonSchema());
// As everything else in the repository is formatted.
execFileSync('node_modules/.bin/biome', ['format', '--write', 'schema/cluster.schema.json'], {
  stdio: ['ignore', 'ignore', 'inherit'],
});
