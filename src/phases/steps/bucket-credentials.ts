// Credentials of the bucket that backups are copied to: a file of the operator's host, copied to the control planes byte by byte.
import { readFile } from 'node:fs/promises';
import type { Context } from '../../core/context.ts';
import { messageOf, QuorateError } from '../../core/errors.ts';
import { expandHome } from '../../machines/ssh/target.ts';
import { rootFile } from '../../manifests/file.ts';
import { S3_CREDENTIALS_PATH } from '../../manifests/paths.ts';
import type { Observed } from '../../observe/observed.ts';
import { type ClusterSpec, controlPlanes } from '../../spec/types.ts';
import { planningFacts } from '../facts.ts';
import type { Step } from '../step.ts';
import type { Toolbox } from '../toolbox.ts';

/**
 * One step for each control plane whose copy is missing or differs. An operator without the file changes nothing about the copies that are
 * there. Throws CREDENTIALS_UNREADABLE when one is missing and cannot be made.
 */
export function credentialSteps(spec: ClusterSpec, observed: Observed): Step[] {
  const { s3 } = spec.etcd.snapshots;
  if (s3 === undefined) return [];
  const wanted = observed.backupCredentials?.sha256;
  return controlPlanes(spec).flatMap((machine): Step[] => {
    const { name } = machine;
    const files = planningFacts(observed, machine)?.files;
    if (files === undefined) return [];
    const seen = files[S3_CREDENTIALS_PATH];
    if (wanted === undefined && seen === undefined) throw unreadable(s3.credentialsFile);
    if (wanted === undefined || (seen?.sha256 === wanted && seen.mode === 0o600)) return [];
    return [
      {
        id: `${name}/bucket-credentials`,
        lane: name,
        machine: name,
        title: "write the bucket's credentials",
        why: seen === undefined ? 'not there yet' : `differs from ${s3.credentialsFile}`,
        run: (ctx, tools) => copyCredentials(ctx, tools, name, s3.credentialsFile),
      },
    ];
  });
}

async function copyCredentials(ctx: Context, { fleet }: Toolbox, name: string, path: string): Promise<void> {
  const content = await readFile(expandHome(path)).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  for (const [, secret] of content.toString().matchAll(/^\s*aws_[a-z_]+\s*=\s*(\S+)/gm))
    if (secret) ctx.redactor.add(secret);
  await fleet.machine(name).writeFiles(ctx, [rootFile(S3_CREDENTIALS_PATH, content)]);
}

function unreadable(path: string, cause?: unknown): QuorateError {
  const why = cause === undefined ? '' : `: ${messageOf(cause)}`;
  return new QuorateError('CREDENTIALS_UNREADABLE', `cannot read ${path}${why}`, { data: { file: path }, cause });
}
