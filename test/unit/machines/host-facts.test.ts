import { describe, expect, it } from 'vitest';
import { allGroups, limitFiles, ownGroups } from '../../../src/machines/local/cgroups.ts';
import { type HostFacts, parseCgroupLayout } from '../../../src/machines/local/host-facts.ts';

const CONTROLLERS = `#subsys_name\thierarchy\tnum_cgroups\tenabled
cpuset\t3\t1\t1
cpu\t1\t1\t1
cpuacct\t1\t1\t1
memory\t4\t1\t0
`;

describe('the layout of control groups', () => {
  it('is v2 when only the unified tree is mounted', () => {
    const mounts = 'cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nsdelegate 0 0\n';
    expect(parseCgroupLayout(mounts, CONTROLLERS)).toEqual({ version: 'v2', root: '/sys/fs/cgroup' });
  });

  it('is v2 when beside it only the named hierarchy of systemd is mounted', () => {
    const mounts = 'cgroup2 /cg cgroup2 rw 0 0\ncgroup /sys/fs/cgroup/systemd cgroup rw,name=systemd 0 0\n';
    expect(parseCgroupLayout(mounts, CONTROLLERS)).toEqual({ version: 'v2', root: '/cg' });
  });

  it('is v1 with each enabled controller once, and the v2 tree of a hybrid host as one more', () => {
    const mounts = `cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0
cgroup /sys/fs/cgroup/cpuset cgroup rw,cpuset 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0
cgroup /sys/fs/cgroup/systemd cgroup rw,xattr,name=systemd 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0
`;
    expect(parseCgroupLayout(mounts, CONTROLLERS)).toEqual({
      version: 'v1',
      hierarchies: [
        { name: 'cpu', path: '/sys/fs/cgroup/cpu,cpuacct' },
        { name: 'cpuset', path: '/sys/fs/cgroup/cpuset' },
        { name: 'systemd', path: '/sys/fs/cgroup/systemd' },
        { name: 'unified', path: '/sys/fs/cgroup/unified' },
      ],
    });
  });
});

describe('the groups of a machine', () => {
  const v1: HostFacts['cgroup'] = {
    version: 'v1',
    hierarchies: ['cpu', 'systemd', 'unified'].map((name) => ({ name, path: `/cg/${name}` })),
  };
  const facts = (cgroup: HostFacts['cgroup'], hasSystemd: boolean): HostFacts => ({
    cgroup,
    hasSystemd,
    hasKmsg: true,
  });

  it('are one in every hierarchy where quorate owns them', () => {
    expect(ownGroups(facts(v1, false), 'demo', 'cp1')).toEqual([
      '/cg/cpu/quorate/demo/cp1',
      '/cg/systemd/quorate/demo/cp1',
      '/cg/unified/quorate/demo/cp1',
    ]);
    expect(ownGroups(facts({ version: 'v2', root: '/cg' }, false), 'demo', 'cp1')).toEqual(['/cg/quorate/demo/cp1']);
  });

  it('leave the trees of systemd to systemd, and are still found for killing', () => {
    expect(ownGroups(facts(v1, true), 'demo', 'cp1')).toEqual(['/cg/cpu/quorate/demo/cp1']);
    expect(allGroups(facts({ version: 'v2', root: '/cg' }, true), 'demo', 'cp1')).toEqual([
      '/cg/machine.slice/quorate-demo-cp1.service',
    ]);
  });
});

describe('the limits of a machine', () => {
  it('are written in the words of the version', () => {
    const limits = { memoryBytes: 1024, cpus: 1.5 };
    expect(limitFiles('v2', limits)).toEqual([
      { file: 'memory.max', value: '1024' },
      { file: 'cpu.max', value: '150000 100000' },
    ]);
    expect(limitFiles('v1', limits).map(({ value }) => value)).toEqual(['1024', '100000', '150000']);
  });

  it('are lifted where none is given', () => {
    expect(limitFiles('v2', {}).map(({ value }) => value)).toEqual(['max', 'max 100000']);
    expect(limitFiles('v1', {}).map(({ value }) => value)).toEqual(['-1', '100000', '-1']);
  });
});
