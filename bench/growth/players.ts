// The machines on the stage, for the process that looks at them: the fake driver, answering what lies in the directory.
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../src/core/context.ts';
import type { ObservedEtcd } from '../../src/etcd/types.ts';
import { createFakeDriver, type FakeDriver } from '../../src/machines/fake/driver.ts';
import type { FakeCommand, FakeRule } from '../../src/machines/fake/fake-machine.ts';
import { FACTS_SCRIPT } from '../../src/observe/facts-script.ts';
import { type ClusterSpec, controlPlanes } from '../../src/spec/types.ts';
import { clockText } from '../../test/helpers/facts-text.ts';
import { ETCD_FILE, FACTS_DIR, OPERATOR_FILE, OPERATOR_KUBECONFIG, SPEC_FILE } from './directory.ts';

export interface Players {
  readonly spec: ClusterSpec;
  readonly driver: FakeDriver;
}

/** Machines that take `latencyMs` for every command. */
export async function enterStage(ctx: Context, directory: string, latencyMs: number): Promise<Players> {
  const spec = JSON.parse(readFileSync(join(directory, SPEC_FILE), 'utf8')) as ClusterSpec;
  const etcd = JSON.parse(readFileSync(join(directory, ETCD_FILE), 'utf8')) as ObservedEtcd;
  const rules = [factsRule(directory), ...etcdRules(etcd)];
  const driver = createFakeDriver({ power: 'running', latencyMs, rules });
  await driver.provider.prepareHost(ctx, spec);
  const content = readFileSync(join(directory, OPERATOR_FILE));
  for (const { name } of controlPlanes(spec))
    driver.inside(spec, name).files.set(OPERATOR_KUBECONFIG, { content, mode: 0o600 });
  return { spec, driver };
}

/** Read when it is asked for, as from a pipe: what is not being parsed takes no memory. */
function factsRule(directory: string): FakeRule {
  return {
    when: ({ argv }) => argv[2] === FACTS_SCRIPT,
    answer: async (_command, { spec: { name } }) => ({
      stdout: clockText(Date.now()) + (await readFile(join(directory, FACTS_DIR, name), 'utf8')),
    }),
  };
}

/** etcdctl's own JSON (member list, endpoint status, alarm list), ids in decimal. */
function etcdRules({ members }: ObservedEtcd): FakeRule[] {
  const list = members.map(({ id, name, peerURLs, clientURLs }) => ({ ID: decimal(id), name, peerURLs, clientURLs }));
  const statuses = members.map(({ id, clientURLs, status }) => ({
    Endpoint: clientURLs[0],
    Status: {
      header: { member_id: decimal(id) },
      version: status?.version,
      dbSize: status?.dbSizeBytes,
      dbSizeInUse: status?.dbInUseBytes,
      leader: decimal(status?.leaderId ?? '0'),
      raftTerm: status?.raftTerm,
      raftIndex: status?.raftIndex,
    },
  }));
  const answers: [word: string, value: unknown][] = [
    ['member', { members: list }],
    ['status', statuses],
    ['alarm', {}],
  ];
  return answers.map(([word, value]) => ({
    when: (command) => isEtcdctl(command) && command.argv.includes(word),
    answer: { stdout: JSON.stringify(value) },
  }));
}

function isEtcdctl({ argv }: FakeCommand): boolean {
  return argv.includes('etcdctl');
}

function decimal(hex: string): number {
  return Number.parseInt(hex, 16);
}
