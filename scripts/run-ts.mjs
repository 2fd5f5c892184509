// Runs a TypeScript file of this checkout: node scripts/run-ts.mjs FILE [ARGUMENTS]. Node 20 cannot do that itself, so the file
// is bundled first. It ends with the file's exit code; Ctrl-C reaches the file.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';

const [file, ...args] = process.argv.slice(2);
if (file === undefined) {
  console.error('usage: node scripts/run-ts.mjs FILE [ARGUMENTS]');
  process.exit(2);
}
const directory = mkdtempSync(join(tmpdir(), 'quorate-run-'));
process.on('SIGINT', () => {});
try {
  await build({
    entryPoints: { main: file },
    outdir: directory,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    // As in build.mjs: what is loaded lazily stays apart.
    splitting: true,
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
  const argv = ['--enable-source-maps', join(directory, 'main.mjs'), ...args];
  const { status } = spawnSync(process.execPath, argv, { stdio: 'inherit' });
  process.exitCode = status ?? 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}
