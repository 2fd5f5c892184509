/** The architecture of this host as Go and OCI spell it: amd64, arm64. Artifacts are obtained for it. */
export function goArch(arch: string = process.arch): string {
  return arch === 'x64' ? 'amd64' : arch;
}
