import type { Diagnosis } from '../../actions/recover.ts';
import type { Situation } from '../../checks/situations.ts';
import type { Theme } from '../../report/theme.ts';

/** What has happened, and the way out, a block for each situation. */
export function renderDiagnosis({ cluster, situations }: Diagnosis, theme: Theme): string {
  const { style, glyphs } = theme;
  if (situations.length === 0) {
    return `${style.green(glyphs.ok)} nothing has happened to cluster ${cluster} that has to be recovered from`;
  }
  return situations.map((situation) => block(situation, theme)).join('\n\n');
}

function block({ title, found, does, command, id }: Situation, { style, glyphs }: Theme): string {
  return [
    `${style.red(glyphs.failed)} ${style.bold(title)}`,
    ...found.map((text) => `  ${glyphs.bullet} ${text}`),
    `  way out: ${style.cyan(command)}`,
    `    ${does}`,
    `    ${style.dim(`more: docs/runbooks/${id}.md`)}`,
  ].join('\n');
}
