import type { TokenInfo } from '../../kube/tokens.ts';
import { age } from '../../report/format.ts';
import { renderTable } from '../../report/table.ts';
import type { Theme } from '../../report/theme.ts';

/** The tokens as a table, without their secrets. */
export function renderTokens(tokens: readonly TokenInfo[], theme: Theme, nowMs = Date.now()): string {
  if (tokens.length === 0) return 'there are no bootstrap tokens';
  return renderTable<TokenInfo>(
    [
      { header: 'ID', value: ({ id }) => id },
      { header: 'EXPIRES', value: ({ expiresMs }) => expiry(expiresMs, nowMs) },
      { header: 'USAGES', value: ({ usages }) => usages.join(',') || '-' },
      { header: 'DESCRIPTION', value: ({ description }) => description ?? '-', shrinks: true },
    ],
    tokens,
    theme,
  );
}

function expiry(expiresMs: number | undefined, nowMs: number): string {
  if (expiresMs === undefined) return 'never';
  return expiresMs <= nowMs ? 'expired' : `in ${age(expiresMs - nowMs)}`;
}
