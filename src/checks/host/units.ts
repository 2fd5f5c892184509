/** Bytes in binary units for evidence texts: 512 MiB, 23.4 GiB. */
export function bytesText(bytes: number): string {
  const gib = bytes / 1024 ** 3;
  return gib < 1 ? `${Math.round(gib * 1024)} MiB` : `${gib.toFixed(1)} GiB`;
}
