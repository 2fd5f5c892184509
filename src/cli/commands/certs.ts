import type { Command } from 'commander';
import { newCommand } from '../teach.ts';
import type { Frame } from '../verb.ts';
import { certsCheckCommand, certsListCommand } from './certs-look.ts';
import { certsRenewCommand } from './certs-renew.ts';
import { rotateCaCommand, rotateEncryptionKeyCommand, rotateSaKeyCommand } from './certs-rotate.ts';

/** Subcommands, in the order of the help. Each family is a file of its own. */
const PARTS: readonly ((frame: Frame) => Command)[] = [
  certsListCommand,
  certsCheckCommand,
  certsRenewCommand,
  rotateCaCommand,
  rotateSaKeyCommand,
  rotateEncryptionKeyCommand,
];

/** `quorate certs …`: every certificate and key of the cluster. */
export function certsCommand(frame: Frame): Command {
  const certs = newCommand('certs', {
    summary: 'certificates and keys: list, check, renew, rotate',
    description:
      'Every certificate of every machine: on disk, embedded in kubeconfigs, and as it is really served. Renews leaves, and rotates authorities and keys in stages while the cluster serves.',
    examples: [
      ['quorate certs check', 'what ends soon, and what is served from memory and not from disk'],
      ['quorate certs renew', 'all leaves, one control plane at a time'],
    ],
  });
  for (const make of PARTS) certs.addCommand(make(frame));
  return certs;
}
