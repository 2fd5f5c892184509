// Which commands there are, in the order of the help. A new command is one file here and one line below.
import type { Command } from 'commander';
import type { Frame } from '../verb.ts';
import { artifactsCommand } from './artifacts.ts';
import { certsCommand } from './certs.ts';
import { completionCommand } from './completion.ts';
import { doctorCommand } from './doctor.ts';
import { downCommand } from './down.ts';
import { etcdCommand } from './etcd.ts';
import { healthCommand } from './health.ts';
import { initCommand } from './init.ts';
import { kubeconfigCommand } from './kubeconfig.ts';
import { kubectlCommand } from './kubectl.ts';
import { machineCommand } from './machine.ts';
import { nodeCommand } from './node.ts';
import { planCommand } from './plan.ts';
import { recoverCommand } from './recover.ts';
import { resetCommand } from './reset.ts';
import { restoreCommand } from './restore.ts';
import { runsCommand } from './runs.ts';
import { statusCommand } from './status.ts';
import { tokenCommand } from './token.ts';
import { applyCommand, upCommand } from './up.ts';
import { upgradeCommand } from './upgrade.ts';
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
  {
    heading: 'Build and change:',
    commands: [upCommand, planCommand, applyCommand, upgradeCommand, resetCommand, downCommand],
  },
  { heading: 'Look:', commands: [statusCommand, healthCommand, runsCommand] },
  { heading: 'Use:', commands: [kubeconfigCommand, kubectlCommand] },
  { heading: 'Operate:', commands: [machineCommand, nodeCommand, tokenCommand, etcdCommand, certsCommand] },
  { heading: 'Recover:', commands: [recoverCommand, restoreCommand] },
  { heading: 'Quorate itself:', commands: [versionCommand, completionCommand] },
];
