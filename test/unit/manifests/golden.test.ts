// Every file and object as text. A change here is a change on users' machines: read the difference before accepting it.
import { describe, expect, it } from 'vitest';
import { parseAllDocuments, parse as parseYaml } from 'yaml';
import { addonGroups, addonObjects } from '../../../src/manifests/addons/index.ts';
import { toYaml } from '../../../src/manifests/object.ts';
import { isNode } from '../../../src/spec/types.ts';
import { makeSpec } from '../../helpers/spec.ts';
import { asText, everyFile, machineOf, makeFacts, RESTRICTED_HOST } from './helpers.ts';

const GOLDEN = '../../golden/manifests';
const CA = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';

const CLUSTERS = [
  { title: '3cp-2w', spec: makeSpec({ driver: 'ssh' }), facts: makeFacts() },
  {
    title: '1cp-restricted-host',
    spec: makeSpec({ controlPlanes: 1, workers: 0, driver: 'local' }),
    facts: makeFacts(RESTRICTED_HOST),
  },
  {
    title: '5cp-fast',
    spec: makeSpec({ controlPlanes: 5, workers: 1, driver: 'ssh', overrides: { failover: 'fast' } }),
    facts: makeFacts(),
  },
  {
    title: '3cp-2lb-haproxy',
    spec: makeSpec({ workers: 0, loadBalancers: 2, driver: 'ssh' }),
    facts: makeFacts(),
  },
  {
    title: '3cp-2lb-nginx',
    spec: makeSpec({ workers: 0, loadBalancers: 2, driver: 'local', overrides: { loadBalancer: { type: 'nginx' } } }),
    facts: makeFacts(RESTRICTED_HOST),
  },
  {
    title: '3cp-nginx',
    spec: makeSpec({ workers: 0, driver: 'ssh', overrides: { loadBalancer: { type: 'nginx' } } }),
    facts: makeFacts(),
  },
  {
    title: '3cp-external',
    spec: makeSpec({ workers: 0, driver: 'ssh', overrides: { loadBalancer: { type: 'external' } } }),
    facts: makeFacts(),
  },
];

/** Clusters whose load balancer is the point: only what it changes is kept, or the same text would stand in many files. */
const BALANCING = /nginx|haproxy|keepalived|check-|nftables|sysctl|modules-load|quorate-network/;

describe.each(CLUSTERS)('$title', ({ title, spec, facts }) => {
  const names = spec.machines.map(({ name }) => name);
  const isBalancing = /lb|nginx|external/.test(title);
  const last = isBalancing ? 'lb1' : names.filter((name) => name.startsWith('cp')).at(-1);
  const shown = names.filter((name) => ['cp1', 'w1', last].includes(name));

  it.each(shown)('writes these files on %s', async (name) => {
    const files = everyFile(spec, machineOf(spec, name), facts);
    const text = asText(files.filter(({ path }) => !isBalancing || BALANCING.test(path)));
    await expect(text).toMatchFileSnapshot(`${GOLDEN}/${title}/${name}.txt`);
  });

  it.skipIf(isBalancing)('applies these objects', async () => {
    const text = Object.entries(addonGroups(spec, { caCertificate: CA }))
      .map(([group, stages]) => `# group ${group}\n${stages.flat().map(toYaml).join('---\n')}`)
      .join('---\n');
    await expect(text).toMatchFileSnapshot(`${GOLDEN}/${title}/objects.yaml`);
  });

  it('writes YAML that reads back as it was', () => {
    const objects = addonObjects(spec, { caCertificate: CA });
    const documents = parseAllDocuments(objects.map(toYaml).join('---\n'));
    expect(documents.map((document) => document.toJS())).toEqual(JSON.parse(JSON.stringify(objects)));
  });

  it('writes configuration that is valid YAML wherever it says yaml', () => {
    for (const name of names) {
      const files = everyFile(spec, machineOf(spec, name), facts).filter(({ path }) => path.endsWith('.yaml'));
      expect(files.length > 0).toBe(isNode(machineOf(spec, name)));
      for (const { content } of files) expect(parseYaml(String(content))).toBeTypeOf('object');
    }
  });
});
