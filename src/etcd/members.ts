// Where members of etcd are, as their peer URLs say: a member that has never started has no name yet.
import type { ObservedMember } from './types.ts';

/** True when the member listens for its peers at this IPv4 address. */
export function isMemberAt({ peerURLs }: Pick<ObservedMember, 'peerURLs'>, address: string): boolean {
  return peerURLs.some((url) => url.includes(`//${address}:`));
}

/** The host of the member's first peer URL; the URL itself where it is none; empty where there is none. */
export function peerAddress({ peerURLs: [url = ''] }: Pick<ObservedMember, 'peerURLs'>): string {
  return URL.canParse(url) ? new URL(url).hostname : url;
}
