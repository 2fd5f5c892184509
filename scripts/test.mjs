// Runs tiers of tests and ends with one line over all of them: node scripts/test.mjs check|contract|e2e|upgrades|recovery ...
// A tier that fails does not stop the ones behind it: whoever waited for the end wants to know everything.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const logs = process.env.QUORATE_TEST_LOGS ?? join(root, 'coverage', 'logs');
mkdirSync(logs, { recursive: true });

const totals = { passed: 0, failed: 0, skipped: 0 };
/** @type {string[]} */
const failures = [];

/** A command that counts as one test: types, lint. */
function runOnce(name, argv) {
  console.log(`\n== ${name}`);
  const { status } = spawnSync(argv[0], argv.slice(1), { cwd: root, stdio: 'inherit' });
  count(status === 0 ? { passed: 1 } : { failed: 1 }, status === 0 ? [] : [name]);
}

/** A vitest project; its JSON report has the numbers. */
function runProject(project, files = []) {
  console.log(`\n== ${project} tests`);
  const report = join(logs, `${project}.json`);
  rmSync(report, { force: true });
  const argv = [
    'vitest',
    'run',
    '--project',
    project,
    ...files,
    '--passWithNoTests',
    '--reporter=default',
    '--reporter=json',
  ];
  const { status } = spawnSync('npx', ['--no-install', ...argv, `--outputFile.json=${report}`], {
    cwd: root,
    stdio: 'inherit',
  });
  const result = readReport(report);
  if (!result) return count({ failed: 1 }, [`${project}: vitest ended with ${status} and left no report`]);
  const { numPassedTests: passed, numFailedTests: failed, numPendingTests: skipped, testResults } = result;
  // A file that breaks before its first test has no failed test, and must not pass for it.
  const broken = testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.every((t) => t.status !== 'failed'),
  );
  const named = testResults.flatMap((file) =>
    file.assertionResults.filter((t) => t.status === 'failed').map((t) => t.fullName),
  );
  count({ passed, failed: failed + broken.length, skipped }, [
    ...named,
    ...broken.map((file) => `${file.name}: ${firstLine(file.message)}`),
  ]);
  if (status !== 0 && failed + broken.length === 0) count({ failed: 1 }, [`${project}: vitest ended with ${status}`]);
}

function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

function count(numbers, names) {
  for (const [key, value] of Object.entries(numbers)) totals[key] += value;
  failures.push(...names);
}

function firstLine(text = '') {
  return text.split('\n')[0];
}

const TIERS = {
  check: () => {
    runOnce('types', ['npx', '--no-install', 'tsc', '--noEmit']);
    runOnce('lint', ['npx', '--no-install', 'biome', 'ci', '--error-on-warnings', '.']);
    runProject('unit');
  },
  contract: () => runProject('contract'),
  e2e: () => runProject('e2e'),
  patch: () => {
    process.env.QUORATE_E2E_UPGRADE = '1';
    runProject('e2e', ['test/e2e/00-upgrade.test.ts']);
  },
  upgrades: () => runProject('upgrades'),
  recovery: () => {
    process.env.QUORATE_E2E_DATABASE_MIB ??= '1024';
    runProject('recovery');
  },
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((tier) => !(tier in TIERS));
if (wanted.length === 0 || unknown.length > 0) {
  console.error(`usage: node scripts/test.mjs ${Object.keys(TIERS).join('|')} ...`);
  process.exit(2);
}
for (const tier of wanted) TIERS[tier]();

if (failures.length > 0) console.log(`\nfailed:\n${failures.map((name) => `  ${name}`).join('\n')}`);
const skipped = totals.skipped > 0 ? `, ${totals.skipped} skipped` : '';
const line = `${totals.passed} passed, ${totals.failed} failed${skipped}`;
writeFileSync(join(logs, 'summary.txt'), `${line}\n`);
console.log(`\n${line}`);
process.exit(totals.failed === 0 ? 0 : 1);
