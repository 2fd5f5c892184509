// Bundles bench/ and runs it: node scripts/bench.mjs [--rounds N]. See docs/benchmarks.md.
import { build } from 'esbuild';

const outfile = 'dist/bench/bench.js';
await build({
  entryPoints: ['bench/main.ts'],
  outfile,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  sourcemap: true,
  logLevel: 'warning',
  loader: { '.sh': 'text' },
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
});
await import(new URL(`../${outfile}`, import.meta.url).href);
