import { describe, expect, it } from 'vitest';
import { silentContext } from '../../../src/core/context.ts';
import { formatBootstrapToken, newBootstrapToken } from '../../../src/pki/bootstrap-token.ts';

describe('a bootstrap token', () => {
  it('has the format that the API server accepts, and never comes twice', () => {
    const tokens = Array.from({ length: 500 }, () => formatBootstrapToken(newBootstrapToken()));
    for (const token of tokens) expect(token).toMatch(/^[a-z0-9]{6}\.[a-z0-9]{16}$/);
    expect(new Set(tokens).size).toBe(tokens.length);
    expect(new Set(tokens.join('')).size).toBe(37);
  });

  it('is redacted even when the secret stands alone', () => {
    const ctx = silentContext();
    const { secret } = newBootstrapToken(ctx);
    expect(ctx.redactor.redact(`token-secret: ${secret}`)).toBe('token-secret: [redacted]');
  });
});
