// Stand-ins for members that are gone for good, on the machine of one that is left (ADR 0013).
import { componentVersions, requiredArtifacts } from '../../artifacts/catalog.ts';
import type { Context } from '../../core/context.ts';
import { QuorateError } from '../../core/errors.ts';
import { waitFor } from '../../core/wait.ts';
import { peerAddress } from '../../etcd/members.ts';
import { moveLeader, removeMember } from '../../etcd/membership.ts';
import { readSurvivor, type SurvivingMember } from '../../etcd/survivors.ts';
import type { Machine } from '../../machines/machine.ts';
import { ETCD_PEER_PORT, STAND_IN_DIR } from '../../manifests/paths.ts';
import { openAuthority } from '../../pki/certificate.ts';
import type { MachineSpec } from '../../spec/types.ts';
import { quorum } from '../../topology/quorum.ts';
import type { Toolbox } from '../toolbox.ts';

/** Their programs and data. A real disk, as for every member. */
const DATA_DIR = '/var/lib/quorate/stand-in';
/** Each takes two ports from here on, for peers and for clients; which ones follows from the member's id, so that a continued run finds them. */
const FIRST_PORT = 12_380;
const PORT_PAIRS = 8_000;
/** An election, and a copy of the data: a gigabyte takes half a minute on an ordinary disk. */
const LEADER_DEADLINE_MS = 180_000;
/** etcd wants to have seen a member for five seconds before it lets another one go (server.go, HealthInterval). */
const REMOVE_DEADLINE_MS = 90_000;

/** What stands in for one lost member. */
interface StandIn {
  readonly member: SurvivingMember;
  readonly peerPort: number;
  readonly clientPort: number;
}

/**
 * Gives the survivor a quorum, removes every member that is not among `survivors` from etcd, and ends. Safe to run again after a run that was
 * killed. Throws ETCD_UNAVAILABLE when the survivor does not answer, WAIT_TIMED_OUT.
 */
export async function restoreQuorum(
  ctx: Context,
  tools: Toolbox,
  survivor: MachineSpec,
  survivors: readonly MachineSpec[],
): Promise<void> {
  const host = tools.fleet.machine(survivor.name);
  const { members, answers } = await readSurvivor(ctx, host);
  if (!answers) throw new QuorateError('ETCD_UNAVAILABLE', `the member of ${survivor.name} does not answer`);
  const addresses = survivors.map(({ address }) => address);
  const lost = members.filter((member) => !addresses.includes(peerAddress(member)));
  const standIns = standInsFor(members, lost);
  if (standIns.length > 0) await startStandIns(ctx, tools, survivor, members, standIns);
  await awaitLeader(ctx, host, standIns.length);
  // Only this machine's packets find the stand-ins: another leader could bring them nothing but heartbeats.
  await takeLeadership(ctx, tools, survivor, survivors);
  const stoodFor = standIns.map(({ member }) => member);
  for (const member of removalOrder(members, lost, stoodFor)) await removeLost(ctx, host, member);
  await endStandIns(ctx, host);
}

/** As many as a quorum lacks and no more: stand-ins must never be a majority by themselves. Pure. */
export function standInsFor(members: readonly SurvivingMember[], lost: readonly SurvivingMember[]): readonly StandIn[] {
  const voters = members.filter(({ isLearner }) => !isLearner);
  const lostVoters = lost.filter(({ isLearner }) => !isLearner);
  const missing = quorum(voters.length) - (voters.length - lostVoters.length);
  // One that has never started has no name that a stand-in could start under.
  const named = lostVoters.filter(({ name }) => name !== '');
  return named.slice(0, Math.max(0, missing)).map((member) => {
    const peerPort = FIRST_PORT + 2 * (Number.parseInt(member.id.slice(-6), 16) % PORT_PAIRS);
    return { member, peerPort, clientPort: peerPort + 1 };
  });
}

/**
 * In which order lost members leave: after every removal a majority of what is left still needs a member with data, so that stand-ins never
 * elect each other. Pure.
 */
export function removalOrder(
  members: readonly SurvivingMember[],
  lost: readonly SurvivingMember[],
  standIns: readonly SurvivingMember[],
): readonly SurvivingMember[] {
  const alive = standIns.map(({ id }) => id);
  const dead = lost.filter(({ id }) => !alive.includes(id));
  const standing = lost.filter(({ id }) => alive.includes(id));
  let voters = members.filter(({ isLearner }) => !isLearner).length;
  const order: SurvivingMember[] = [];
  while (dead.length + standing.length > 0) {
    const after = quorum(Math.max(1, voters - 1));
    // Learners and the dead first, as long as that leaves the stand-ins a minority.
    const isDeadNext = dead.length > 0 && (dead[0]?.isLearner === true || standing.length < after);
    const next = (isDeadNext || standing.length === 0 ? dead : standing).shift();
    if (next === undefined) break;
    order.push(next);
    if (!next.isLearner) voters -= 1;
  }
  return order;
}

async function takeLeadership(
  ctx: Context,
  tools: Toolbox,
  survivor: MachineSpec,
  survivors: readonly MachineSpec[],
): Promise<void> {
  const condition = `the member of ${survivor.name} leads`;
  await waitFor(ctx, { condition, deadlineMs: LEADER_DEADLINE_MS, intervalMs: 1_000 }, async () => {
    const { id, leaderId, members } = await readSurvivor(ctx, tools.fleet.machine(survivor.name));
    if (leaderId === id) return true;
    const leader = members.find((member) => member.id === leaderId);
    const other = survivors.find(({ address }) => leader !== undefined && peerAddress(leader) === address);
    if (other === undefined) return leader === undefined ? 'nobody leads' : `${leader.name} leads`;
    await moveLeader(ctx, tools.fleet.machine(other.name), id);
    return `${other.name} is handing over`;
  });
}

/**
 * Arguments: address of this machine, the peer port of etcd, then for each stand-in: unit, the lost member's address, its port here.
 * Packets of this machine to a lost peer go to the stand-in. Connections that hang on the lost host are given up by etcd within seconds.
 */
const TURN_SCRIPT = `set -eu
here=$1 port=$2; shift 2
nft -f - <<EOF
table inet quorate_stand_in
delete table inet quorate_stand_in
table inet quorate_stand_in {
  chain output {
    type nat hook output priority -100;
  }
}
EOF
while [ $# -gt 0 ]; do
  nft add rule inet quorate_stand_in output ip daddr "$2" tcp dport "$port" dnat ip to "$here:$3"
  shift 3
done
`;

async function startStandIns(
  ctx: Context,
  tools: Toolbox,
  survivor: MachineSpec,
  members: readonly SurvivingMember[],
  standIns: readonly StandIn[],
): Promise<void> {
  const host = tools.fleet.machine(survivor.name);
  await uploadProgram(ctx, tools, host);
  await writeCertificates(ctx, tools, survivor, standIns);
  const turned = standIns.flatMap((standIn) => [
    unitOf(standIn),
    peerAddress(standIn.member),
    String(standIn.peerPort),
  ]);
  await host.exec(ctx, ['sh', '-c', TURN_SCRIPT, 'turn', survivor.address, String(ETCD_PEER_PORT), ...turned]);
  for (const standIn of standIns) {
    const unit = unitOf(standIn);
    // One that an ended run has started goes on.
    const { exitCode } = await host.exec(ctx, ['systemctl', 'is-active', '--quiet', unit], { allowFailure: true });
    if (exitCode === 0) continue;
    await host.exec(ctx, ['rm', '-rf', `${DATA_DIR}/${standIn.member.name}`]);
    await host.exec(ctx, [
      'systemd-run',
      `--unit=${unit}`,
      '--collect',
      '--quiet',
      '--property=Restart=on-failure',
      '--property=RestartSec=1',
      `${DATA_DIR}/etcd`,
      ...flagsOf(survivor, members, standIn),
    ]);
  }
}

function unitOf({ member }: StandIn): string {
  return `quorate-stand-in-${member.name}.service`;
}

/** The lost member's identity, this machine's ports. etcd tells members by their peer URLs; one that has never started has no name. Without data and with the state `existing` it learns everything from the survivor. */
function flagsOf(
  { address }: MachineSpec,
  members: readonly SurvivingMember[],
  { member, peerPort, clientPort }: StandIn,
): readonly string[] {
  const entries = members.flatMap(({ id, name, peerURLs }) => peerURLs.map((url) => `${name || id}=${url}`));
  const client = `https://${address}:${clientPort}`;
  return [
    `--name=${member.name}`,
    `--data-dir=${DATA_DIR}/${member.name}`,
    `--initial-cluster=${entries.join(',')}`,
    '--initial-cluster-state=existing',
    `--initial-advertise-peer-urls=${member.peerURLs.join(',')}`,
    `--listen-peer-urls=https://${address}:${peerPort}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    ...['cert-file', 'peer-cert-file'].map((flag) => `--${flag}=${STAND_IN_DIR}/${member.name}.crt`),
    ...['key-file', 'peer-key-file'].map((flag) => `--${flag}=${STAND_IN_DIR}/${member.name}.key`),
    ...['trusted-ca-file', 'peer-trusted-ca-file'].map((flag) => `--${flag}=${STAND_IN_DIR}/ca.crt`),
    '--client-cert-auth=true',
    '--peer-client-cert-auth=true',
  ];
}

/** The very version that the cluster runs. */
async function uploadProgram(ctx: Context, tools: Toolbox, host: Machine): Promise<void> {
  const { kubernetesVersion } = tools.fleet.spec;
  const wanted = requiredArtifacts(kubernetesVersion).filter(({ kind, name }) => kind === 'binary' && name === 'etcd');
  const [program] = await tools.artifacts(ctx, wanted);
  if (program === undefined) {
    throw new QuorateError('ARTIFACT_UNAVAILABLE', `etcd ${componentVersions(kubernetesVersion).etcd} is not at hand`);
  }
  await host.exec(ctx, ['install', '-d', '-m', '0700', DATA_DIR, STAND_IN_DIR]);
  await host.upload(ctx, program.path, `${DATA_DIR}/etcd`, 0o700);
}

/** A day is long enough for a recovery that somebody interrupts and continues. */
const CERTIFICATE_TTL_MS = 86_400_000;

/** Valid for the lost member's address and for this machine's, which is where its connections come from: etcd compares (listener_tls.go). */
async function writeCertificates(
  ctx: Context,
  tools: Toolbox,
  survivor: MachineSpec,
  standIns: readonly StandIn[],
): Promise<void> {
  const { authorities } = await tools.shared(ctx);
  const issue = await openAuthority(authorities['etcd/ca']);
  const files = await Promise.all(
    standIns.map(async ({ member }) => {
      const { certificate, privateKey } = await issue(
        {
          commonName: member.name,
          organizations: [],
          sans: [member.name, peerAddress(member), survivor.address, '127.0.0.1'],
          usages: ['server', 'client'],
          ttlMs: CERTIFICATE_TTL_MS,
        },
        Date.now(),
      );
      return [
        { path: `${STAND_IN_DIR}/${member.name}.key`, content: privateKey, mode: 0o600 },
        { path: `${STAND_IN_DIR}/${member.name}.crt`, content: certificate, mode: 0o644 },
      ];
    }),
  );
  const ca = { path: `${STAND_IN_DIR}/ca.crt`, content: authorities['etcd/ca'].certificate, mode: 0o644 };
  await tools.fleet.machine(survivor.name).writeFiles(ctx, [ca, ...files.flat()]);
}

async function awaitLeader(ctx: Context, host: Machine, standIns: number): Promise<void> {
  const condition = `etcd has a leader again, with ${standIns} ${standIns === 1 ? 'stand-in' : 'stand-ins'}`;
  await waitFor(ctx, { condition, deadlineMs: LEADER_DEADLINE_MS, intervalMs: 300 }, async () => {
    const { hasLeader, answers } = await readSurvivor(ctx, host);
    if (!answers) return `the member of ${host.name} does not answer`;
    return hasLeader ? true : 'no leader yet';
  });
}

async function removeLost(ctx: Context, host: Machine, { id, name }: SurvivingMember): Promise<void> {
  const condition = `the lost member ${name || id} is removed from etcd`;
  await waitFor(ctx, { condition, deadlineMs: REMOVE_DEADLINE_MS, intervalMs: 1_000 }, async () => {
    await removeMember(ctx, host, id);
    return true;
  });
}

/** Ends every stand-in of a machine, and what turns packets to it. Safe where there is none. */
export const END_STAND_INS = `for unit in $(systemctl list-units --plain --no-legend --all 'quorate-stand-in-*' | awk '{ print $1 }'); do systemctl stop "$unit"; done
nft delete table inet quorate_stand_in 2>/dev/null
rm -rf ${DATA_DIR} ${STAND_IN_DIR}
`;

async function endStandIns(ctx: Context, host: Machine): Promise<void> {
  await host.exec(ctx, ['sh', '-c', END_STAND_INS], { timeoutMs: 60_000 });
}
