import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type RequestSubject, readSubject, refusalReason } from '../../../src/kube/serving-requests.ts';
import { makeSpec } from '../../helpers/spec.ts';

const spec = makeSpec();
const machine = spec.machines[0] ?? expect.fail('the spec has a machine');
const good: RequestSubject = {
  commonName: `system:node:${machine.name}`,
  organizations: ['system:nodes'],
  sans: [machine.name, machine.address],
  hasOtherSans: false,
};
const request = (overrides: object = {}) => ({
  spec: {
    request: '',
    signerName: 'kubernetes.io/kubelet-serving',
    username: `system:node:${machine.name}`,
    groups: ['system:nodes', 'system:authenticated'],
    usages: ['digital signature', 'server auth'],
    ...overrides,
  },
});

describe('kubelet serving requests', () => {
  it("approves a node's own names", () => {
    expect(refusalReason(spec, request(), good)).toBeUndefined();
  });

  const other = spec.machines[1]?.address ?? '';
  it.each<[what: string, about: object, subject: Partial<RequestSubject>, reason: RegExp]>([
    ['a stranger', { username: 'system:node:evil' }, {}, /no node of this cluster/],
    ['a user who is no node', { username: 'alice' }, {}, /no node of this cluster/],
    ['a node outside its group', { groups: ['system:authenticated'] }, {}, /not in the group/],
    ["another node's name", {}, { commonName: 'system:node:other' }, /made out to/],
    ['a second organization', {}, { organizations: ['system:nodes', 'system:masters'] }, /organization/],
    ['client authentication', { usages: ['client auth'] }, {}, /usage "client auth"/],
    ["another machine's address", {}, { sans: [machine.name, other] }, /which is not/],
    ['the virtual IP', {}, { sans: [spec.endpoint.host] }, /which is not/],
    ['mail addresses', {}, { hasOtherSans: true }, /neither DNS names nor/],
    ['no name', {}, { sans: [] }, /no name at all/],
  ])('refuses %s', (_what, about, subject, reason) => {
    expect(refusalReason(spec, request(about), { ...good, ...subject })).toMatch(reason);
  });

  it("reads openssl's requests", async () => {
    const dir = mkdtempSync(join(tmpdir(), 'csr-'));
    try {
      const out = join(dir, 'csr.pem');
      execFileSync('openssl', [
        ...[
          'req',
          '-new',
          '-newkey',
          'ec',
          '-pkeyopt',
          'ec_paramgen_curve:P-256',
          '-nodes',
          '-keyout',
          join(dir, 'key.pem'),
        ],
        ...[
          '-subj',
          '/O=system:nodes/CN=system:node:cp1',
          '-addext',
          'subjectAltName=DNS:cp1,IP:10.87.0.11,email:a@b.c',
        ],
        ...['-out', out],
      ]);
      expect(await readSubject(readFileSync(out, 'utf8'))).toEqual({
        commonName: 'system:node:cp1',
        organizations: ['system:nodes'],
        sans: ['cp1', '10.87.0.11'],
        hasOtherSans: true,
      });
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
