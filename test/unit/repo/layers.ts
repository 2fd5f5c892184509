// The order of the folders below src/: each may import from those before it. The same table is in docs/whats-here.md.

/** Folders from the ground up. */
export const LAYERS = [
  'core',
  'spec',
  'topology',
  'artifacts',
  'pki',
  'manifests',
  'machines',
  'etcd',
  'kube',
  'backup',
  'observe',
  'phases',
  'engine',
  'checks',
  'drills',
  'report',
  'actions',
  'cli',
] as const;

/** `import type` only, where a contract lies higher up than its reader: from a folder, to a file. */
export const TYPE_ONLY_EXCEPTIONS: readonly { readonly from: string; readonly to: string; readonly why: string }[] = [
  {
    from: 'manifests',
    to: 'machines/facts.ts',
    why: 'what is rendered depends on facts of the machine that it is for',
  },
];
