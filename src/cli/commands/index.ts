// Which commands there are, in the order of the help. A new command is one file here and one line below.
import type { Command } from 'commander';
import type { Frame } from '../verb.ts';
import { artifactsCommand } from './artifacts.ts';
import { completionCommand } from './completion.ts';
import { doctorCommand } from './doctor.ts';
import { downCommand } from './down.ts';
import { healthCommand } from './health.ts';
import { initCommand } from './init.ts';
import { kubeconfigCommand } from './kubeconfig.ts';
import { kubectlCommand } from './kubectl.ts';
import { machineCommand } from './machine.ts';
import { planCommand } from './plan.ts';
import { statusCommand } from './status.ts';
import { applyCommand, upCommand } from './up.ts';
import { validateCommand } from './validate.ts';
import { versionCommand } from './version.ts';

/** Commands under one heading. */
export interface CommandGroup {
  readonly heading: string;
  readonly commands: readonly ((frame: Frame) => Command)[];
}

/** Every command of quorate. */
export const COMMAND_GROUPS: readonly CommandGroup[] = [
  { heading: 'Prepare:', commands: [initCommand, validateCommand, doctorCommand, artifactsCommand] },
  { heading: 'Build and change:', commands: [upCommand, planCommand, applyCommand, downCommand] },
  { heading: 'Look:', commands: [statusCommand, healthCommand] },
  { heading: 'Use:', commands: [kubeconfigCommand, kubectlCommand, machineCommand] },
  { heading: 'Quorate itself:', commands: [versionCommand, completionCommand] },
];
