// Taking a Node out of use and back.
import { httpStatus, type KubeClient } from './client.ts';

/** On a node that quorate itself cordoned; its value says for what. A node that its owner cordoned does not carry it. */
export const CORDONED_BY_ANNOTATION = 'quorate/cordoned-by';

/** The annotation's value on nodes that quorate cordons for a change: those it may uncordon by itself. */
export const CORDON_MARK = 'change';

/**
 * Marks a node unschedulable. With `mark` it counts as cordoned by quorate for that purpose, without as cordoned by its owner.
 * Throws KUBE_FAILED, API_UNREACHABLE.
 */
export async function cordonNode(kube: KubeClient, node: string, mark?: string): Promise<void> {
  await setSchedulable(kube, `cordon node ${node}`, node, true, mark);
}

/** Makes a node schedulable again, whoever cordoned it: whether that is right is the caller's decision. Throws as cordonNode. */
export async function uncordonNode(kube: KubeClient, node: string): Promise<void> {
  await setSchedulable(kube, `uncordon node ${node}`, node, null);
}

async function setSchedulable(
  kube: KubeClient,
  what: string,
  name: string,
  unschedulable: true | null,
  mark: string | null = null,
): Promise<void> {
  const { library } = kube;
  // In a merge patch (RFC 7386) null removes a field.
  const body = { metadata: { annotations: { [CORDONED_BY_ANNOTATION]: mark } }, spec: { unschedulable } };
  await kube.request(what, () =>
    kube
      .api(library.CoreV1Api)
      .patchNode({ name, body }, library.setHeaderOptions('Content-Type', library.PatchStrategy.MergePatch)),
  );
}

/** Removes the Node object; one that is gone already is fine. Throws KUBE_FAILED, API_UNREACHABLE. */
export async function deleteNode(kube: KubeClient, node: string): Promise<void> {
  try {
    await kube.request(`delete node ${node}`, () => kube.api(kube.library.CoreV1Api).deleteNode({ name: node }));
  } catch (error) {
    if (httpStatus(error) !== 404) throw error;
  }
}
