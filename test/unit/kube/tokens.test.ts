import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newToken, revokeTokens } from '../../../src/actions/tokens.ts';
import { renderTokens } from '../../../src/cli/results/tokens.ts';
import { silentContext } from '../../../src/core/context.ts';
import { listTokens } from '../../../src/kube/tokens.ts';
import { caHash } from '../../../src/pki/inspect.ts';
import { generateSharedMaterial } from '../../../src/pki/shared.ts';
import { PLAIN_THEME } from '../../../src/report/theme.ts';
import { recordingContext } from '../../helpers/context.ts';
import { type FakeApi, startApi } from '../../helpers/kube-server.ts';
import { makeSpec } from '../../helpers/spec.ts';

const SECRETS = '/api/v1/namespaces/kube-system/secrets';
const spec = makeSpec();
const NOW = Date.parse('2030-01-01T00:00:00Z');

interface Secret {
  readonly metadata: { readonly name: string };
  readonly type?: string;
  readonly data: Record<string, string>;
}

/** An API server that keeps secrets. */
let secrets: Secret[];
let ctx: ReturnType<typeof recordingContext>;
let api: FakeApi;
beforeEach(async () => {
  secrets = [];
  ctx = recordingContext();
  api = await startApi(ctx, ({ method, path, body }) => {
    const name = path.startsWith(`${SECRETS}/`) ? path.slice(SECRETS.length + 1) : undefined;
    if (path === '/api/v1') return { body: { resources: [{ name: 'secrets', kind: 'Secret', namespaced: true }] } };
    if (path === SECRETS) return { body: { kind: 'SecretList', items: secrets } };
    if (name === undefined) return undefined;
    if (method === 'PATCH') {
      secrets.push(body as Secret);
      return { status: 201, body };
    }
    const found = secrets.find(({ metadata }) => metadata.name === name);
    secrets = secrets.filter((secret) => secret !== found);
    return found && { body: { kind: 'Status', status: 'Success' } };
  });
});
afterEach(() => api.close());

const secret = (data: Record<string, string>): Secret => ({
  metadata: { name: `bootstrap-token-${data['token-id']}` },
  data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')])),
});

async function withAuthority(): Promise<string> {
  const { certificate } = (await generateSharedMaterial(silentContext())).authorities.ca;
  const cluster = api.kube.config.clusters[0] ?? expect.fail('has a cluster');
  api.kube.config.clusters = [{ ...cluster, caData: Buffer.from(certificate).toString('base64') }];
  return certificate;
}

describe('bootstrap tokens', () => {
  it('are made as kubeadm makes them, with the line to join by, and stay out of events', async () => {
    const certificate = await withAuthority();
    const made = await newToken(ctx, spec, api.kube, { ttlMs: 3_600_000, description: 'rack 7' });
    expect(made.token).toMatch(/^[a-z0-9]{6}\.[a-z0-9]{16}$/);
    expect(made.joinCommand).toBe(
      `kubeadm join 10.88.0.10:6443 --token ${made.token} --discovery-token-ca-cert-hash ${caHash(certificate)}`,
    );
    expect(secrets[0]).toMatchObject({
      type: 'bootstrap.kubernetes.io/token',
      metadata: { name: `bootstrap-token-${made.id}` },
      data: { description: Buffer.from('rack 7').toString('base64') },
    });
    const password = made.token.slice(7);
    expect(JSON.stringify(ctx.events)).not.toContain(password);
    expect(ctx.redactor.redact(password)).toBe('[redacted]');
  });

  it('are listed without their secrets, the next to expire first', async () => {
    const usages = { 'usage-bootstrap-authentication': 'true', 'usage-bootstrap-signing': 'false' };
    secrets = [
      secret({ 'token-id': 'ffffff', 'token-secret': 'hidden-from-all' }),
      secret({
        'token-id': 'bbbbbb',
        'token-secret': 'hidden-from-all',
        expiration: '2030-01-02T00:00:00Z',
        ...usages,
      }),
      secret({ 'token-id': 'aaaaaa', expiration: '2029-12-31T00:00:00Z', description: 'old' }),
    ];
    const tokens = await listTokens(api.kube);
    expect(JSON.stringify(tokens)).not.toContain('hidden');
    expect(renderTokens(tokens, PLAIN_THEME, NOW)).toMatchInlineSnapshot(`
      "ID      EXPIRES  USAGES          DESCRIPTION
      aaaaaa  expired  -               old
      bbbbbb  in 24h   authentication  -
      ffffff  never    -               -"
    `);
    expect(api.requests[0]?.query.get('fieldSelector')).toBe('type=bootstrap.kubernetes.io/token');
    expect(renderTokens([], PLAIN_THEME)).toBe('there are no bootstrap tokens');
  });

  it('are revoked by id or in full, whose secret is then redacted too', async () => {
    secrets = [secret({ 'token-id': 'aaaaaa' }), secret({ 'token-id': 'bbbbbb' })];
    const report = await revokeTokens(ctx, spec, api.kube, ['aaaaaa', 'bbbbbb.0123456789abcdef']);
    expect(report).toEqual({ revoked: ['aaaaaa', 'bbbbbb'] });
    expect(secrets).toEqual([]);
    expect(ctx.redactor.redact('0123456789abcdef')).toBe('[redacted]');
  });

  it('cannot be revoked when there is none, or when what was given is none', async () => {
    await expect(revokeTokens(ctx, spec, api.kube, ['cccccc'])).rejects.toMatchObject({ code: 'TOKEN_NOT_FOUND' });
    const wrong = revokeTokens(ctx, spec, api.kube, ['cccccc.too-short-secret']);
    await expect(wrong).rejects.toMatchObject({ code: 'USAGE', message: expect.not.stringContaining('too-short') });
  });
});
