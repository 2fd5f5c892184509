// What commands about backups have in common: which backup, and what opens it.
import { Option } from 'commander';
import type { KeyFiles } from '../../actions/open-backup.ts';

/** A backup: what an argument of that name means. */
export const WHICH = 'a name as quorate etcd snapshot list shows it, a file of this host, or latest';

/** The options that name keys. */
export function keyOptions(): readonly Option[] {
  return [
    new Option('--identity <file>', 'age identity that opens backups (default: the one on this host)'),
    new Option('--passphrase-file <file>', 'passphrase for the identity that labels carry'),
  ];
}

/** What those options say. */
export interface KeyFlags {
  readonly identity?: string;
  readonly passphraseFile?: string;
}

/** The same for actions. */
export function keyFiles({ identity, passphraseFile }: KeyFlags): KeyFiles {
  return {
    ...(identity === undefined ? {} : { identityFile: identity }),
    ...(passphraseFile === undefined ? {} : { passphraseFile }),
  };
}
