// Writes the reference pages from the code: node scripts/generate-docs.mjs. A unit test fails when this was forgotten.
// Node 20 cannot run TypeScript itself, so the renderers are bundled first.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const directory = mkdtempSync(join(tmpdir(), 'quorate-docs-'));
try {
  await build({
    entryPoints: { docs: join(root, 'scripts/docs/index.ts') },
    outdir: directory,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    // As in build.mjs: what commands load when they run stays apart, and is not loaded here.
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'warning',
    loader: { '.sh': 'text' },
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  });
  const { renderReference } = await import(pathToFileURL(join(directory, 'docs.mjs')).href);
  const pages = renderReference(readFileSync(join(root, 'src/core/events.ts'), 'utf8'));
  for (const [path, text] of Object.entries(pages)) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
