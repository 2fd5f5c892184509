// What depends on the version of Kubernetes.

/** Minor version: 36 for v1.36.3. */
export function minorOf(kubernetesVersion: string): number {
  return Number(kubernetesVersion.split('.')[1]);
}

/** True from the version on in which the kubelet takes crashLoopBackOff.maxContainerRestartPeriod by default (KEP-5593, beta in v1.35). */
export function hasCrashLoopBackOffMax(kubernetesVersion: string): boolean {
  return minorOf(kubernetesVersion) >= 35;
}
