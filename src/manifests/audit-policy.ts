// What the API server writes to its audit log (kubernetes.io, "Auditing"). Rules are read from top to bottom; the first match wins.

const NONE = { level: 'None' } as const;

/**
 * Metadata (who, what, when, result) of everything, bodies of nothing: a body would put Secrets and tokens into a file. Left out
 * is what machines ask all day and no investigation needs: health checks, watches of proxies, lease renewals, events.
 */
export function auditPolicy(): object {
  return {
    apiVersion: 'audit.k8s.io/v1',
    kind: 'Policy',
    // A request is recorded when it is answered; a second record at its arrival doubles the log and adds nothing.
    omitStages: ['RequestReceived'],
    rules: [
      { ...NONE, nonResourceURLs: ['/healthz*', '/livez*', '/readyz*', '/version*', '/openapi/*', '/metrics'] },
      { ...NONE, resources: [{ group: '', resources: ['events'] }, { group: 'events.k8s.io' }] },
      {
        ...NONE,
        verbs: ['get', 'update'],
        ...systemUsers,
        resources: [{ group: 'coordination.k8s.io', resources: ['leases'] }],
      },
      {
        ...NONE,
        verbs: ['get', 'list', 'watch'],
        ...systemUsers,
        resources: [
          {
            group: '',
            resources: ['endpoints', 'services', 'services/status', 'nodes', 'nodes/status', 'pods', 'namespaces'],
          },
          { group: 'discovery.k8s.io', resources: ['endpointslices'] },
          { group: 'networking.k8s.io', resources: ['servicecidrs'] },
        ],
      },
      { level: 'Metadata' },
    ],
  };
}

/** Components and nodes; their reads of Secrets and ConfigMaps stay in the log. */
const systemUsers = {
  userGroups: ['system:nodes', 'system:serviceaccounts:kube-system', 'system:serviceaccounts:kube-flannel'],
} as const;
