/** A file to be written on a machine. */
export interface FileContent {
  /** Absolute path; missing parent directories are made, mode 0755. */
  readonly path: string;
  readonly content: string | Uint8Array;
  /** Permission bits, e.g. 0o600. Owner is root. */
  readonly mode: number;
}
