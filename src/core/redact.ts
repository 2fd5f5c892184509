// Secrets travel by stdin or file. Should one reach a text all the same, it is replaced before anyone reads it.

const MASK = '[redacted]';
/** Shorter values would blank out ordinary words. */
const MIN_SECRET_LENGTH = 6;
const PEM_PRIVATE_KEY = /-----BEGIN ([A-Z ]*)PRIVATE KEY-----[\s\S]*?-----END \1PRIVATE KEY-----/g;
/** A Kubernetes bootstrap token: 6 characters, a dot, 16 characters (kubernetes.io, "Authenticating with Bootstrap Tokens"). */
const BOOTSTRAP_TOKEN = /\b[a-z0-9]{6}\.[a-z0-9]{16}\b/g;
const BEARER = /\b(bearer\s+)[A-Za-z0-9._~+/=-]{8,}/gi;

/** Remembers secrets and removes them, and everything that looks like a private key or token, from texts. */
export class Redactor {
  #secrets: string[] = [];

  /** Registers a secret value; values under six characters are ignored. Longer ones are replaced first. */
  add(secret: string): void {
    if (secret.length < MIN_SECRET_LENGTH || this.#secrets.includes(secret)) return;
    this.#secrets.push(secret);
    this.#secrets.sort((a, b) => b.length - a.length);
  }

  redact(text: string): string {
    let clean = text
      .replace(PEM_PRIVATE_KEY, MASK)
      .replace(BOOTSTRAP_TOKEN, MASK)
      .replace(BEARER, (_match, scheme: string) => scheme + MASK);
    for (const secret of this.#secrets) clean = clean.replaceAll(secret, MASK);
    return clean;
  }
}
