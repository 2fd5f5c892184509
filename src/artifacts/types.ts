// What a cluster is made of, as files. Pinned in catalog.ts; obtained by sources/; kept in the cache.

/** A binary that is installed on machines. */
export interface BinaryArtifact {
  readonly kind: 'binary';
  /** kubelet, etcdctl, … */
  readonly name: string;
  readonly version: string;
  /** Absolute path on the machine. */
  readonly installPath: string;
}

/** A container image, named exactly as upstream names it. */
export interface ImageArtifact {
  readonly kind: 'image';
  readonly name: string;
  readonly version: string;
  /** registry.k8s.io/kube-apiserver:v1.36.3 */
  readonly reference: string;
}

/** A part that clusters are made of, as the catalog pins it; `kind` tells which of the two it is. */
export type Artifact = BinaryArtifact | ImageArtifact;

/** An artifact that lies in the cache, complete and verified. */
export interface CachedArtifact {
  readonly artifact: Artifact;
  /** Absolute path on this host: the binary, or an OCI image archive (tar). */
  readonly path: string;
  /** Hex, of the file at `path`. */
  readonly sha256: string;
  readonly sizeBytes: number;
}
