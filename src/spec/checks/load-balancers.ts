import { type Finding, invalid, warning } from '../problem.ts';
import { groupBy, listNames, type MachineView, type SpecView } from './view.ts';

/** Machines of role loadbalancer: they are used, and one of them alone is not what everything depends on. */
export function* checkLoadBalancers(view: SpecView): Iterable<Finding> {
  const balancers = view.machines.filter(({ role }) => role === 'loadbalancer');
  const [first] = balancers;
  if (first === undefined) return;
  const names = listNames(balancers.map(({ title }) => title));
  if (isExternal(view)) {
    const message = `spec.loadBalancer.type external means a load balancer of your own, so the machines of role loadbalancer (${names}) would have nothing to do`;
    yield invalid([...first.path, 'role'], message, 'remove them, or write: type: haproxy');
  } else if (balancers.length === 1) {
    const message = `${names} is the only load balancer: while it is down nobody reaches the API, though every API server runs`;
    const fix = 'use two, or none: then the control planes balance themselves';
    yield warning([...first.path, 'role'], message, fix);
  } else {
    yield* checkBalancerZones(balancers, view);
  }
}

/** One zone for all load balancers, where control planes are spread over several. */
function* checkBalancerZones(balancers: readonly MachineView[], { machines }: SpecView): Iterable<Finding> {
  const planes = machines.filter(({ role }) => role === 'control-plane');
  const zonesOf = (group: readonly MachineView[]) => groupBy(group, ({ draft }) => draft.zone ?? undefined);
  const [zone, ...others] = zonesOf(balancers).keys();
  if (zone === undefined || others.length > 0 || zonesOf(planes).size < 2) return;
  const message =
    `zone "${zone}" holds all load balancers (${listNames(balancers.map(({ title }) => title))}): losing it takes the endpoint away, ` +
    'though control planes in other zones go on';
  yield warning([...(balancers[0]?.path ?? []), 'zone'], message, 'put them in different zones');
}

/** True when the owner of the cluster brings the load balancer. */
export function isExternal({ spec }: SpecView): boolean {
  return spec.loadBalancer?.type === 'external';
}
