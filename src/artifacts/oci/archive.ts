// An OCI image layout (opencontainers/image-spec, image-layout.md) in a tar, as `ctr images import` and `docker load` read.
import { createHash } from 'node:crypto';
import { type TarEntry, tarSize, tarStream, textEntry } from './tar.ts';

/** What the image's configuration says. */
export interface ImageConfig {
  /** registry.k8s.io/pause:3.10.2 */
  readonly reference: string;
  /** amd64 */
  readonly architecture: string;
  readonly entrypoint: readonly string[];
  readonly cmd?: readonly string[];
  readonly user?: string;
}

/** A packed image: its archive's entries and the digest that a runtime will show. */
export interface ImageArchive {
  readonly entries: readonly TarEntry[];
  /** `sha256:…` of the manifest. */
  readonly digest: string;
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

const TYPES = {
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
} as const;
const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Lays out an image of one uncompressed layer. Reads the layer's files once, to hash them. */
export async function imageArchive(config: ImageConfig, layerFiles: readonly TarEntry[]): Promise<ImageArchive> {
  const layer: Descriptor = {
    mediaType: TYPES.layer,
    digest: await streamDigest(tarStream(layerFiles)),
    size: tarSize(layerFiles),
  };
  const configJson = JSON.stringify(configOf(config, layer));
  const configDescriptor = describe(TYPES.config, configJson);
  const manifestJson = JSON.stringify({
    schemaVersion: 2,
    mediaType: TYPES.manifest,
    config: configDescriptor,
    layers: [layer],
  });
  const manifest = describe(TYPES.manifest, manifestJson);
  const layerBlob: TarEntry = {
    type: 'file',
    path: blobPath(layer),
    mode: 0o644,
    size: layer.size,
    content: () => tarStream(layerFiles),
  };
  const blobs = [
    layerBlob,
    textEntry(blobPath(configDescriptor), configJson),
    textEntry(blobPath(manifest), manifestJson),
  ].sort((a, b) => (a.path < b.path ? -1 : 1));
  const entries: TarEntry[] = [
    { type: 'directory', path: 'blobs', mode: 0o755 },
    { type: 'directory', path: 'blobs/sha256', mode: 0o755 },
    ...blobs,
    textEntry('index.json', indexJson(config, manifest)),
    textEntry('oci-layout', '{"imageLayoutVersion":"1.0.0"}'),
  ];
  return { entries, digest: manifest.digest };
}

function configOf(config: ImageConfig, layer: Descriptor) {
  return {
    // A fixed time: the digest must depend on content only.
    created: '1970-01-01T00:00:00Z',
    architecture: config.architecture,
    os: 'linux',
    config: {
      Env: [PATH],
      Entrypoint: config.entrypoint,
      ...(config.cmd === undefined ? {} : { Cmd: config.cmd }),
      ...(config.user === undefined ? {} : { User: config.user }),
      WorkingDir: '/',
    },
    rootfs: { type: 'layers', diff_ids: [layer.digest] },
    history: [{ created: '1970-01-01T00:00:00Z', created_by: 'quorate' }],
  };
}

/** containerd names an imported image by the first annotation; the second is the specification's own. */
function indexJson(config: ImageConfig, manifest: Descriptor): string {
  const tag = config.reference.slice(config.reference.lastIndexOf(':') + 1);
  const annotations = { 'io.containerd.image.name': config.reference, 'org.opencontainers.image.ref.name': tag };
  const platform = { architecture: config.architecture, os: 'linux' };
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: TYPES.index,
    manifests: [{ ...manifest, annotations, platform }],
  });
}

function describe(mediaType: string, json: string): Descriptor {
  const digest = `sha256:${createHash('sha256').update(json).digest('hex')}`;
  return { mediaType, digest, size: Buffer.byteLength(json) };
}

function blobPath(descriptor: Descriptor): string {
  return `blobs/${descriptor.digest.replace(':', '/')}`;
}

async function streamDigest(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of chunks) hash.update(chunk);
  return `sha256:${hash.digest('hex')}`;
}
