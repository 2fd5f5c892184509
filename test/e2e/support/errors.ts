// What an error has to look like, whichever it is: one, clear, with its code, its next step, and the exit code of its family.
import { expect } from 'vitest';
import type { CliResult } from './cli.ts';

export function expectError(result: CliResult, code: string, exitCode: number, ...says: readonly RegExp[]): void {
  const said = `${result.stderr}\n${result.stdout}`;
  expect(result.stderr.match(/^error:/gm), said).toHaveLength(1);
  expect(result.stderr).toContain(`code: ${code} (exit ${exitCode})`);
  expect(result.stderr).toMatch(/^ {2}hint: \S/m);
  expect(result.stderr).not.toMatch(/^\s+at .*\.(js|ts):\d+/m);
  for (const pattern of says) expect(result.stderr).toMatch(pattern);
  expect(result.exitCode).toBe(exitCode);
}
