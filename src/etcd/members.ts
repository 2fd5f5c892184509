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

/** The name that a member goes by: its own; before its first start that of the machine it is to be on; else its id. */
export function memberName(
  member: Pick<ObservedMember, 'name' | 'id' | 'peerURLs'>,
  machines: readonly { readonly name: string; readonly address: string }[],
): string {
  return member.name || (machines.find(({ address }) => isMemberAt(member, address))?.name ?? member.id);
}

/**
 * The member that a person means: by its name, its id, its address, or the name of the machine that it is on. A learner that has never
 * started has an id and an address only.
 */
export function findMember<M extends Pick<ObservedMember, 'name' | 'id' | 'peerURLs'>>(
  members: readonly M[],
  machines: readonly { readonly name: string; readonly address: string }[],
  word: string,
): M | undefined {
  if (word === '') return undefined;
  const address = machines.find(({ name }) => name === word)?.address;
  return (
    members.find(({ id }) => id === word.toLowerCase().replace(/^0+/, '')) ??
    members.find((member) => address !== undefined && isMemberAt(member, address)) ??
    members.find(({ name }) => name === word) ??
    members.find((member) => isMemberAt(member, word))
  );
}
