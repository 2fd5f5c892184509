// etcd, member by member: what an operator does when one is lost, stuck, full, or just has to lead elsewhere. The commands are those of
// docs/runbooks/etcd-*.md.
import { afterAll, describe, expect, it } from 'vitest';
import {
  ADDRESSES,
  CLUSTER_FILE,
  CONTROL_PLANES,
  json,
  mustOnMachine,
  mustRun,
  onCluster,
  quorate,
} from './support/cli.ts';
import { useHealthyCluster } from './support/health.ts';
import { underLoad } from './support/load.ts';
import { until } from './support/wait.ts';

useHealthyCluster();
afterAll(() => mustRun(['up', '--yes', '-f', CLUSTER_FILE], { timeoutMs: 600_000 }));

interface Member {
  readonly name: string;
  readonly id: string;
  readonly role: 'leader' | 'follower' | 'learner' | 'down';
  readonly dbSizeBytes?: number;
}

interface Status {
  readonly quorum: { readonly voters: number; readonly up: number };
  readonly members: readonly Member[];
  readonly alarms: readonly { readonly alarm: string }[];
}

const status = () => json<Status>('etcd', 'status');

/** The member that leads, and one that follows. */
async function roles(): Promise<{ leader: Member; follower: Member }> {
  const { members } = await status();
  const find = (role: Member['role']) => members.find((member) => member.role === role) ?? expect.fail(`no ${role}`);
  return { leader: find('leader'), follower: find('follower') };
}

describe('etcd status and members', () => {
  it('tell every member, with size, quota and machine', async () => {
    const report = await status();
    expect(report.quorum).toMatchObject({ voters: 3, up: 3, needed: 2, survives: 1 });
    expect(report.alarms).toEqual([]);
    expect(report.members.map(({ name }) => name)).toEqual([...CONTROL_PLANES]);
    for (const member of report.members) {
      expect(member).toMatchObject({ machine: member.name, quotaBytes: 8 * 1024 ** 3, errors: [] });
      expect(member.dbSizeBytes).toBeGreaterThan(0);
    }
    const { members } = await json<{ members: { name: string; peerURLs: string[] }[] }>('etcd', 'members');
    expect(members.map(({ name, peerURLs }) => [name, ...peerURLs])).toEqual(
      CONTROL_PLANES.map((name) => [name, `https://${ADDRESSES[name]}:2380`]),
    );
  });
});

describe('etcd defrag and move-leader', () => {
  it('take every member once, the leader last, and no client sees it', async () => {
    const { leader } = await roles();
    await underLoad('defrag', async () => {
      const report = await json<{ defragmented: { name: string; beforeBytes: number; afterBytes: number }[] }>(
        'etcd',
        'defrag',
        '--force',
        '--yes',
      );
      expect(report.defragmented.map(({ name }) => name).sort()).toEqual([...CONTROL_PLANES]);
      expect(report.defragmented.at(-1)?.name).toBe(leader.name);
      for (const { beforeBytes, afterBytes } of report.defragmented)
        expect(afterBytes).toBeLessThanOrEqual(beforeBytes);
      const { follower } = await roles();
      await onCluster('etcd', 'move-leader', follower.name);
      expect((await roles()).leader.name).toBe(follower.name);
    });
  });
});

describe('a learner that never started', () => {
  it('is told, and removed by its address; a voter that cluster.yaml names is not', async () => {
    await mustOnMachine('cp1', 'etcdctl member add stuck --learner --peer-urls=https://10.89.0.99:2380');
    expect(await onCluster('etcd', 'members')).toMatch(/learner +not in cluster\.yaml/);
    const refused = await quorate(['etcd', 'member', 'remove', 'cp2', '--yes', '-f', CLUSTER_FILE]);
    expect(refused.exitCode).toBe(6);
    expect(refused.stderr).toContain('code: ETCD_MEMBER_IN_USE');
    await onCluster('etcd', 'member', 'remove', '10.89.0.99', '--yes');
    expect((await status()).members).toHaveLength(3);
  });
});

describe('NOSPACE', () => {
  it('makes etcd read-only; one command makes room, takes the alarm back, and proves that a write works', async () => {
    await raise('NOSPACE');
    const refused = await quorate([
      'machine',
      'exec',
      '-f',
      CLUSTER_FILE,
      'cp1',
      '--',
      'bash',
      '-lc',
      'etcdctl put /e2e x',
    ]);
    expect(refused.exitCode).not.toBe(0);
    expect(await onCluster('etcd', 'alarms')).toContain('alarm NOSPACE');
    const report = await json<{ alarms: unknown[]; writable: boolean; defragmented: unknown[] }>(
      'etcd',
      'alarms',
      'clear',
      '--yes',
    );
    expect(report).toMatchObject({ writable: true });
    expect(report.defragmented).toHaveLength(3);
    expect((await status()).alarms).toEqual([]);
    await mustOnMachine('cp1', 'etcdctl put /e2e x && etcdctl del /e2e');
  });
});

describe('a member that has lost its data', () => {
  it('is refused as it is, and replaced on its machine by one command; no client sees it', async () => {
    const { follower } = await roles();
    await underLoad('member-replace', async () => {
      await mustOnMachine(follower.name, 'rm -rf /var/lib/etcd/member; pkill -KILL -x etcd; exit 0');
      await until('its member is down', 60_000, async () =>
        (await status()).members.some(({ name, role }) => name === follower.name && role === 'down') ? true : undefined,
      );
      const refused = await quorate(['up', '--yes', '-f', CLUSTER_FILE]);
      expect(refused.exitCode).toBe(6);
      expect(refused.stderr).toContain(`quorate etcd member replace ${follower.name}`);
      await mustRun(['etcd', 'member', 'replace', follower.name, '--yes', '-f', CLUSTER_FILE], { timeoutMs: 600_000 });
    });
    const after = await status();
    expect(after.quorum).toMatchObject({ voters: 3, up: 3 });
    expect(after.members.map(({ id }) => id)).not.toContain(follower.id);
  });
});

/** Raises an alarm as a member itself would, through etcd's HTTP gateway: etcdctl can only list and disarm. */
async function raise(alarm: 'NOSPACE'): Promise<void> {
  const pki = '/etc/kubernetes/pki/etcd';
  const certificates = `--cacert ${pki}/ca.crt --cert ${pki}/healthcheck-client.crt --key ${pki}/healthcheck-client.key`;
  const { members } = await status();
  const memberID = BigInt(`0x${members[0]?.id}`).toString();
  const body = JSON.stringify({ action: 'ACTIVATE', memberID, alarm });
  await mustOnMachine('cp1', `curl -fsS ${certificates} https://127.0.0.1:2379/v3/maintenance/alarm -d '${body}'`);
}
