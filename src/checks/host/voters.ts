import { controlPlanes, machinesOf } from '../../spec/types.ts';
import { quorum, tolerance } from '../../spec/voters.ts';
import { failed, type HostCheck, ok, warning } from './types.ts';

/** An even number of voters needs a larger majority than the odd one below it, and survives no more (etcd FAQ). */
export const votersCheck: HostCheck = {
  id: 'voters',
  title: 'the cluster survives the loss of a control plane',
  run: async (_ctx, { spec }) => {
    const voters = spec.etcd.topology === 'external' ? machinesOf(spec, 'etcd').length : controlPlanes(spec).length;
    const evidence = `${voters} voters: quorum ${quorum(voters)}, ${tolerance(voters)} may fail`;
    if (voters % 2 === 0)
      return failed(evidence, `make it ${voters + 1}: an even number survives no more than ${voters - 1}`);
    if (voters === 1) return warning(`${evidence}: any failure stops the cluster`, 'quorate init --control-planes 3');
    return ok(evidence);
  },
};
