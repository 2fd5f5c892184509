import { announcedRecord } from '../manifests/cluster-record.ts';
import type { Phase } from './step.ts';
import { isSameRecord, recordStep } from './steps/record.ts';

/** Names what is about to join or to change, so that a run that is ended half-way leaves nothing that nobody knows of. */
export const announceChange: Phase = {
  id: 'announce-change',
  title: 'Announce the change',
  isForLiving: true,
  needs: ['kube'],
  plan: (spec, observed) => {
    const before = observed.kube?.record;
    if (before === undefined) return [];
    const wanted = announcedRecord(spec, before, observed.leaving, observed.takenAtMs);
    return isSameRecord(wanted, before) ? [] : [recordStep(wanted, 'machines or versions are about to change')];
  },
};
