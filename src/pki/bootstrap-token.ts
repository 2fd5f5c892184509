import { randomInt } from 'node:crypto';
import type { Context } from '../core/context.ts';
import type { BootstrapToken } from './types.ts';

export type { BootstrapToken };

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** A fresh token in Kubernetes' format (kubernetes.io, "Authenticating with Bootstrap Tokens"). */
export function newBootstrapToken(ctx?: Pick<Context, 'redactor'>): BootstrapToken {
  const token = { id: randomText(6), secret: randomText(16) };
  ctx?.redactor.add(token.secret);
  return token;
}

/** As a kubelet presents it: id.secret. */
export function formatBootstrapToken({ id, secret }: BootstrapToken): string {
  return `${id}.${secret}`;
}

function randomText(length: number): string {
  return Array.from({ length }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
}
