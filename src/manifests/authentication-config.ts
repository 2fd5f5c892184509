// Who may speak to the API server without a credential.

/**
 * Only those paths: health checks (HAProxy, kubelet and the texts of requirements ask them with no credential), the version, and
 * the cluster-info that `kubeadm join` reads before it trusts the cluster. Anonymous requests for anything else end with 401
 * before RBAC is asked (KEP-4633, GA in v1.34). CIS 1.2.1 asks for exactly this care.
 */
const ANONYMOUS_PATHS = [
  '/healthz',
  '/livez',
  '/readyz',
  '/version',
  '/api/v1/namespaces/kube-public/configmaps/cluster-info',
] as const;

/** The file of `--authentication-config`. */
export function authenticationConfig(): object {
  return {
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'AuthenticationConfiguration',
    anonymous: { enabled: true, conditions: ANONYMOUS_PATHS.map((path) => ({ path })) },
  };
}
