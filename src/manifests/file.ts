// A rendered file and what has to happen on the machine once it is written.
import type { FileContent } from '../core/file.ts';

/** A file for one machine. After writing files below /etc/systemd/system, `systemctl daemon-reload` comes first. */
export interface RenderedFile extends FileContent {
  /** systemd unit that must be restarted when this file changes. */
  readonly restarts?: string;
  /** systemd unit that takes the change without an interruption: `systemctl reload-or-restart`. */
  readonly reloads?: string;
  /**
   * argv that tests the file before it replaces one that works, by the program that will read it. The word {} stands for the path of
   * the candidate. Left out where that program is not installed.
   */
  readonly check?: readonly string[];
}

/** What a change of a file asks for. */
export type FileEffect = Pick<RenderedFile, 'restarts' | 'reloads' | 'check'>;

/** A file that everybody may read. */
export function textFile(path: string, content: string, effect: FileEffect = {}): RenderedFile {
  return { path, content, mode: 0o644, ...effect };
}

/** A file that only root may read: the CIS benchmark asks for 0600 on manifests and configuration of the control plane. */
export function rootFile(path: string, content: string | Uint8Array, effect: FileEffect = {}): RenderedFile {
  return { path, content, mode: 0o600, ...effect };
}

/** A program. */
export function scriptFile(path: string, content: string, effect: FileEffect = {}): RenderedFile {
  return { path, content, mode: 0o755, ...effect };
}
