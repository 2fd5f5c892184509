import { isIPv6 } from 'node:net';

/**
 * One spelling for each name: lower case, IPv6 in its shortest form of hexadecimal groups (as URLs have it). Node prints
 * 0:0:0:0:0:0:0:1 where people write ::1, and @peculiar/x509 2.2 encodes dotted forms such as ::ffff:10.0.0.1 wrongly.
 */
export function canonicalSan(san: string): string {
  if (!isIPv6(san)) return san.toLowerCase();
  const withoutZone = san.replace(/%.*$/, '');
  return new URL(`http://[${withoutZone}]`).hostname.slice(1, -1);
}
