import { createHash } from 'node:crypto';
import type { Context } from '../../core/context.ts';
import type { MachineFacts } from '../../machines/facts.ts';
import { withLeaving } from '../../machines/fleet.ts';
import { dropInPath, loadBalancerFiles, loadBalancerUnits } from '../../manifests/node-files.ts';
import type { Observed } from '../../observe/observed.ts';
import { certificatePath } from '../../pki/names.ts';
import { type ClusterSpec, controlPlanes, type MachineSpec } from '../../spec/types.ts';
import { planningFacts } from '../facts.ts';
import { managedFilesStep } from '../files/managed-files.ts';
import type { Step } from '../step.ts';
import type { Toolbox } from '../toolbox.ts';

/** What any type of load balancer consists of, in the order of stopping: first the address moves to another machine. */
const BALANCER_UNITS = ['keepalived.service', 'haproxy.service', 'nginx.service'];
/** The authority that HAProxy trusts when it asks /readyz. */
const AUTHORITY_PATH = certificatePath('ca');

/**
 * Makes a machine balance, or ends that where it does not any more. For any machine; none for one that needs nothing. The certificate
 * of the cluster's authority must exist or be made by Toolbox.shared. API servers that leave stay behind it until they are gone.
 */
export function balancerSteps(
  spec: ClusterSpec,
  observed: Observed,
  machine: MachineSpec,
  lane: string = machine.name,
): Step[] {
  const facts = planningFacts(observed, machine);
  if (!facts) return [];
  const whole = withLeaving(spec, observed.leaving);
  const units = loadBalancerUnits(whole, machine);
  const group = {
    id: 'load-balancer',
    what: `${spec.loadBalancer.type === 'nginx' ? 'NGINX' : 'HAProxy'} and keepalived configuration`,
    files: loadBalancerFiles(whole, machine, facts),
    units,
    watches: units.includes('haproxy.service') ? [{ path: AUTHORITY_PATH, reloads: 'haproxy.service' }] : [],
  };
  return [
    ...stopFormerSteps(machine, facts, units),
    ...authoritySteps(spec, observed, machine, facts),
    ...managedFilesStep(machine, facts, group),
  ].map((step) => ({ ...step, lane }));
}

/**
 * Stops what another type of load balancer left running: both would listen on the virtual IP. Only units that quorate has set up; an
 * NGINX of the machine's owner is no business of ours.
 */
function stopFormerSteps(machine: MachineSpec, facts: MachineFacts, wanted: readonly string[]): Step[] {
  const idle = BALANCER_UNITS.filter(
    (unit) =>
      !wanted.includes(unit) &&
      facts.files[dropInPath(unit)] !== undefined &&
      (facts.units[unit]?.active || facts.units[unit]?.enabled),
  );
  if (idle.length === 0) return [];
  const names = idle.map((unit) => unit.replace(/\.service$/, '')).join(' and ');
  return [
    {
      id: `${machine.name}/retire-load-balancer`,
      lane: machine.name,
      machine: machine.name,
      title: `stop ${names}`,
      why: 'the machine does not balance with it any more',
      run: async (ctx, { fleet }) => {
        // HAProxy and keepalived ship SysV scripts too, and mirroring the state to those would take seconds.
        const argv = ['env', 'SYSTEMCTL_SKIP_SYSV=1', 'systemctl', 'disable', '--now', ...idle];
        await fleet.machine(machine.name).exec(ctx, argv, { timeoutMs: 60_000 });
      },
    },
  ];
}

/** HAProxy on a machine of its own needs the authority's certificate, which control planes have anyway. NGINX does not look inside. */
function authoritySteps(spec: ClusterSpec, observed: Observed, machine: MachineSpec, facts: MachineFacts): Step[] {
  const isNeeded = loadBalancerUnits(spec, machine).includes('haproxy.service');
  if (!isNeeded || machine.role === 'control-plane') return [];
  const seen = facts.files[AUTHORITY_PATH]?.sha256;
  const right = controlPlanes(spec)
    .map(({ name }) => observed.machines[name]?.facts?.files[AUTHORITY_PATH]?.sha256)
    .find((sha256) => sha256 !== undefined);
  if (seen !== undefined && (right === undefined || seen === right)) return [];
  return [
    {
      id: `${machine.name}/authority`,
      lane: machine.name,
      machine: machine.name,
      title: "write the certificate of the cluster's authority",
      why: seen === undefined ? 'not there yet' : 'the control planes have another one',
      run: (ctx, tools) => writeAuthority(ctx, tools, machine.name, seen),
    },
  ];
}

async function writeAuthority(ctx: Context, tools: Toolbox, name: string, seen: string | undefined): Promise<void> {
  const content = (await tools.shared(ctx)).authorities.ca.certificate;
  if (createHash('sha256').update(content).digest('hex') === seen) return;
  const machine = tools.fleet.machine(name);
  await machine.writeFiles(ctx, [{ path: AUTHORITY_PATH, content, mode: 0o644 }]);
  // HAProxy reads it when it starts or reloads; where it does not run yet, this does nothing.
  if (seen !== undefined) await machine.exec(ctx, ['systemctl', 'try-reload-or-restart', 'haproxy.service']);
}
