import type { CheckedCondition } from '../checks/condition.ts';
import type { Theme } from './theme.ts';

/** Conditions in order, one a line. */
export function renderConditions(conditions: readonly CheckedCondition[], { style, glyphs }: Theme): string {
  const signs = {
    ok: style.green(glyphs.ok),
    failed: style.red(glyphs.failed),
    skipped: style.dim(glyphs.skipped),
  } as const;
  return conditions.map(({ state, title, detail }) => `${signs[state]} ${title}  ${style.dim(detail)}`).join('\n');
}
