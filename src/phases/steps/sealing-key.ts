// Who can open backups. With recipients in cluster.yaml they are a file like others; without, the machines' own word counts, and in the
// beginning the key of the operator's host.
import { makeIdentity } from '../../backup/keys.ts';
import type { Context } from '../../core/context.ts';
import { recipientsFile } from '../../manifests/backup.ts';
import { type RenderedFile, rootFile } from '../../manifests/file.ts';
import { LOCKED_IDENTITY_PATH, RECIPIENTS_PATH } from '../../manifests/paths.ts';
import type { Observed } from '../../observe/observed.ts';
import { type ClusterSpec, controlPlanes } from '../../spec/types.ts';
import { planningFacts } from '../facts.ts';
import type { Step } from '../step.ts';
import type { Toolbox } from '../toolbox.ts';

/** At most one step: the same recipients, and the same locked identity, on every control plane. */
export function sealingKeySteps(spec: ClusterSpec, observed: Observed): Step[] {
  const isListed = spec.etcd.snapshots.recipients.length > 0;
  const paths = isListed ? [LOCKED_IDENTITY_PATH] : [RECIPIENTS_PATH, LOCKED_IDENTITY_PATH];
  const sources = paths.map((path) => ({ path, holder: newestHolder(spec, observed, path) }));
  const targets = controlPlanes(spec).flatMap((machine) => {
    const files = planningFacts(observed, machine)?.files;
    if (files === undefined) return [];
    const lacks = sources.some(({ path, holder }) =>
      holder === undefined
        ? path === RECIPIENTS_PATH
        : files[path]?.sha256 !== observed.machines[holder]?.facts?.files[path]?.sha256,
    );
    return lacks ? [machine.name] : [];
  });
  if (targets.length === 0) return [];
  const isNew = !isListed && sources[0]?.holder === undefined;
  return [
    {
      id: 'sealing-key',
      lane: 'sealing-key',
      title: `tell ${targets.join(', ')} who can open backups`,
      why: isNew ? 'no control plane knows a key yet' : 'not the same on every control plane',
      run: (ctx, tools) => shareKey(ctx, tools, spec, sources, targets),
    },
  ];
}

interface Source {
  readonly path: string;
  /** The control plane whose copy counts; undefined: there is none. */
  readonly holder: string | undefined;
}

/** What was written last counts: a run that changed the key may have been ended half-way. */
function newestHolder(spec: ClusterSpec, observed: Observed, path: string): string | undefined {
  const written = controlPlanes(spec).flatMap(({ name }) => {
    const file = observed.machines[name]?.facts?.files[path];
    return file === undefined ? [] : [{ name, mtimeMs: file.mtimeMs }];
  });
  return written.sort((a, b) => b.mtimeMs - a.mtimeMs)[0]?.name;
}

async function shareKey(
  ctx: Context,
  tools: Toolbox,
  spec: ClusterSpec,
  sources: readonly Source[],
  targets: readonly string[],
): Promise<void> {
  const files: RenderedFile[] = [];
  for (const { path, holder } of sources) {
    const content = holder === undefined ? undefined : await tools.fleet.machine(holder).readFile(ctx, path);
    if (content !== undefined)
      files.push(path === RECIPIENTS_PATH ? recipientsFile(linesOf(content)) : rootFile(path, content));
    else if (path === RECIPIENTS_PATH) files.push(recipientsFile([await ownRecipient(ctx, spec.name)]));
  }
  for (const name of targets) await tools.fleet.machine(name).writeFiles(ctx, files);
}

function linesOf(content: Uint8Array): string[] {
  return Buffer.from(content).toString().split('\n').filter(Boolean);
}

/** The recipient of this host's identity, which is made when there is none: its owner has to know. */
async function ownRecipient(ctx: Context, cluster: string): Promise<string> {
  const { recipient, path, isNew } = await makeIdentity(cluster, ctx);
  const what = `${path} on this host opens the backups of ${cluster}, and nothing else does`;
  if (isNew) ctx.emit('warning', { text: `${what}: keep a copy of it somewhere safe` });
  else ctx.emit('note', { text: what });
  return recipient;
}
