// OCI image archives for tests: one layer with one file, as small as they can be.
import { createHash } from 'node:crypto';
import { packFiles } from '../../src/core/tar.ts';

const sha256 = (content: string | Uint8Array) => createHash('sha256').update(content).digest('hex');

/** An OCI image layout in a tar (image-spec, image-layout.md) whose only layer holds `/program`, the entry point. */
export function ociArchive(reference: string, program: Uint8Array): Uint8Array {
  const layer = packFiles([{ name: 'program', mode: 0o755, content: program }]);
  const config = JSON.stringify({
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    config: { Entrypoint: ['/program'] },
    rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] },
  });
  const descriptor = (mediaType: string, content: string | Uint8Array) => ({
    mediaType,
    digest: `sha256:${sha256(content)}`,
    size: Buffer.byteLength(content),
  });
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: descriptor('application/vnd.oci.image.config.v1+json', config),
    layers: [descriptor('application/vnd.oci.image.layer.v1.tar', layer)],
  });
  const index = JSON.stringify({
    schemaVersion: 2,
    manifests: [
      {
        ...descriptor('application/vnd.oci.image.manifest.v1+json', manifest),
        annotations: { 'io.containerd.image.name': reference, 'org.opencontainers.image.ref.name': reference },
      },
    ],
  });
  const blob = (content: string | Uint8Array) => ({ name: `blobs/sha256/${sha256(content)}`, mode: 0o644, content });
  return packFiles([
    { name: 'oci-layout', mode: 0o644, content: '{"imageLayoutVersion":"1.0.0"}' },
    blob(layer),
    blob(config),
    blob(manifest),
    { name: 'index.json', mode: 0o644, content: index },
  ]);
}
