import type { Taint } from '../spec/types.ts';
import { httpStatus, type KubeClient } from './client.ts';

/** Names of all nodes that are registered, ready or not. Throws KUBE_FAILED and API_UNREACHABLE. */
export async function readNodeNames(kube: KubeClient): Promise<string[]> {
  const nodes = await kube.request('list nodes', () => kube.api(kube.library.CoreV1Api).listNode());
  return nodes.items.map(({ metadata }) => metadata?.name ?? '');
}

const CONFLICT = 409;
/** Kubelets and controllers write to a fresh node all the time; each attempt starts from what they wrote. */
const ATTEMPTS = 10;

/** What is to change on a node. */
export interface NodeMarks {
  /** null takes a label away. */
  readonly labels?: Readonly<Record<string, string | null>>;
  /** Taints to set; one of the same key and effect is replaced. */
  readonly taints?: readonly Taint[];
  /** Taints to take away, by key and effect. */
  readonly withoutTaints?: readonly Pick<Taint, 'key' | 'effect'>[];
}

/** Changes labels and taints of a node; what others have set stays. Throws KUBE_FAILED or API_UNREACHABLE. */
export async function patchNode(kube: KubeClient, name: string, marks: NodeMarks): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await patchOnce(kube, name, marks);
    } catch (error) {
      if (attempt >= ATTEMPTS || httpStatus(error) !== CONFLICT) throw error;
    }
  }
}

async function patchOnce(kube: KubeClient, name: string, marks: NodeMarks): Promise<void> {
  const { library } = kube;
  const { labels = {}, taints = [], withoutTaints = [] } = marks;
  // A strategic merge keys taints by their key alone and would drop one of two effects, so the list is merged here, and the
  // version it was read at makes a concurrent change a conflict instead of a loss.
  const core = kube.api(library.CoreV1Api);
  const node = await kube.request(`read node ${name}`, () => core.readNode({ name }));
  const replaced = [...taints, ...withoutTaints];
  const kept = (node.spec?.taints ?? []).filter(
    ({ key, effect }) => !replaced.some((taint) => taint.key === key && taint.effect === effect),
  );
  const body = {
    metadata: { labels, resourceVersion: node.metadata?.resourceVersion },
    spec: { taints: [...kept, ...taints] },
  };
  await kube.request(`label node ${name}`, () =>
    core.patchNode({ name, body }, library.setHeaderOptions('Content-Type', library.PatchStrategy.MergePatch)),
  );
}
