import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { REQUIREMENT_COMMANDS } from '../../e2e/requirements.ts';
import { renderRequirementsDoc } from '../../e2e/support/requirements-doc.ts';
import { ROOT } from './sources.ts';

describe('docs/requirements-commands.md', () => {
  it('names the commands that the end-to-end suite runs', async () => {
    const path = join(ROOT, 'docs/requirements-commands.md');
    await expect(renderRequirementsDoc(REQUIREMENT_COMMANDS)).toMatchFileSnapshot(path);
  });

  it('names a replacement wherever the printed command is expected to fail, or why it has nothing to show', () => {
    const failing = REQUIREMENT_COMMANDS.filter(({ exitCode = 0, moved }) => exitCode !== 0 && moved === undefined);
    // A healthy controller-manager has never lost its lease.
    expect(failing.map(({ printed }) => printed)).toEqual([expect.stringContaining('lost leader')]);
  });
});
