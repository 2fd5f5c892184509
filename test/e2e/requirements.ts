// Every command that the requirements print for checking a cluster, as data: 03-requirements.test.ts runs them, and
// docs/requirements-commands.md is this table in words.
import type { RequirementCommand } from './requirements/command.ts';
import { TEXT_1 } from './requirements/text-1.ts';
import { TEXT_3 } from './requirements/text-3.ts';

export type { RequirementCommand } from './requirements/command.ts';

export const REQUIREMENT_COMMANDS: readonly RequirementCommand[] = [...TEXT_1, ...TEXT_3];
