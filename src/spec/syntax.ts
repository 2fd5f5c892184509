// The syntaxes that values of cluster.yaml must follow. Patterns also go into the JSON Schema, so they use no lookahead.
import { isIP } from 'node:net';

/** RFC 1123 label: names of machines and clusters (kubernetes.io, "Object Names and IDs"). At most 63 characters. */
export const LABEL_NAME: RegExp = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
/** A value of a Kubernetes label: at most 63 characters, may be empty (kubernetes.io, "Labels and Selectors"). */
export const LABEL_VALUE: RegExp = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;
/** RFC 1123 subdomain: labels with dots between. Length is checked apart. */
export const SUBDOMAIN: RegExp = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
/** host or host:port. */
export const ENDPOINT: RegExp = /^[A-Za-z0-9.-]+(:[0-9]{1,5})?$/;
/** 7d, 36h, 90m, 2w. */
export const RETENTION: RegExp = /^[1-9][0-9]*[mhdw]$/;
/** The public half of an age identity (age-encryption.org/v1): Bech32 with the prefix age. */
export const AGE_RECIPIENT: RegExp = /^age1[02-9ac-hj-np-z]{58}$/;
/** An absolute path without anything that a shell or systemd would read as more than a name. */
export const PLAIN_PATH: RegExp = /^(\/[A-Za-z0-9_.-]+)+$/;
/** Amazon's rules for names of buckets (docs.aws.amazon.com, "General purpose bucket naming rules"). */
export const BUCKET: RegExp = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
/** 4GiB, 512MiB; Kubernetes' short 4Gi and 512Mi as well. */
export const MEMORY: RegExp = /^[0-9]+(\.[0-9]+)?(Mi|Gi|MiB|GiB)$/;
/** v1.36.3 or 1.36.3. */
export const KUBERNETES_VERSION: RegExp = /^v?[0-9]+\.[0-9]+\.[0-9]+$/;

const MAX_SUBDOMAIN = 253;

/** True for a DNS name whose labels have at most 63 and which has at most 253 characters. */
export function isSubdomain(text: string): boolean {
  return text.length <= MAX_SUBDOMAIN && SUBDOMAIN.test(text) && text.split('.').every((label) => label.length <= 63);
}

/** True for what may stand on a certificate: a DNS name, with a leading wildcard at most, or an IP address. */
export function isCertSAN(text: string): boolean {
  if (isIP(text) !== 0) return true;
  // Digits and dots alone were meant as an address; kubeadm would take 10.0.0.300 for a name.
  return !/^[0-9.]+$/.test(text) && isSubdomain(text.startsWith('*.') ? text.slice(2) : text);
}

/** True for a key of a label or taint: an optional DNS prefix and a slash, then a name of at most 63 characters. */
export function isQualifiedName(key: string): boolean {
  const parts = key.split('/');
  if (parts.length > 2) return false;
  const name = parts.at(-1) ?? '';
  const prefix = parts.length === 2 ? parts[0] : undefined;
  return name !== '' && LABEL_VALUE.test(name) && (prefix === undefined || isSubdomain(prefix));
}

/** Bytes of 4GiB and the like; undefined when the text is not a size. */
export function parseMemory(text: string): number | undefined {
  if (!MEMORY.test(text)) return undefined;
  const unit = text.includes('G') ? 2 ** 30 : 2 ** 20;
  return Math.round(Number.parseFloat(text) * unit);
}

/** The nearest valid RFC 1123 label, for suggestions; empty when nothing of the text is left. */
export function toLabelName(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 63)
    .replace(/^-+|-+$/g, '');
}

/** host and port of an endpoint; the port is undefined when none was written. */
export function splitEndpoint(text: string): { host: string; port?: number } {
  const colon = text.lastIndexOf(':');
  return colon < 0 ? { host: text } : { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) };
}
