// The part of cluster.yaml that is about backups: spec.etcd.snapshots. See schema.ts.
import * as z from 'zod';
import { DEFAULTS } from './defaults.ts';
import * as syntax from './syntax.ts';

const s3 = z.strictObject({
  endpoint: z
    .string()
    .regex(/^https?:\/\/[A-Za-z0-9.-]+(:[0-9]{1,5})?$/, { error: 'is not a URL without a path (https://HOST[:PORT])' })
    .meta({ description: 'URL of the store.', examples: ['https://s3.example.com'] }),
  bucket: z
    .string()
    .regex(syntax.BUCKET, { error: 'is not a valid name of a bucket' })
    .meta({ description: 'The bucket. It has to exist.', examples: ['backups'] }),
  prefix: z
    .string()
    .regex(/^([A-Za-z0-9_.-]+(\/[A-Za-z0-9_.-]+)*)?$/, { error: 'is not a prefix such as clusters/demo' })
    .default('')
    .meta({ description: 'Put before the names of archives.', examples: ['clusters/demo'] }),
  region: z
    .string()
    .min(1)
    .default(DEFAULTS.s3Region)
    .meta({ description: 'Region, where the store asks for one.', examples: ['eu-central-1'] }),
  credentialsFile: z
    .string()
    .min(1)
    .meta({
      description:
        "File on the operator's host with aws_access_key_id and aws_secret_access_key, as the AWS CLI keeps them. It is copied to the control " +
        'planes, readable for root only.',
      examples: ['~/.aws/credentials'],
    }),
});

/** spec.etcd.snapshots. Refuses keys that it does not know. */
export const snapshots = z.strictObject({
  schedule: z
    .string()
    .default(DEFAULTS.snapshotSchedule)
    .meta({
      description:
        'When backups are made: five cron fields, UTC. Each control plane has a slot of its own shortly behind it.',
      examples: ['0 */6 * * *'],
    }),
  retention: z
    .string()
    .regex(syntax.RETENTION, { error: 'is not a duration (a whole number with m, h, d or w)' })
    .default(DEFAULTS.snapshotRetention)
    .meta({ description: 'How long they are kept. The newest one always stays.', examples: ['7d'] }),
  recipients: z
    .array(z.string().regex(syntax.AGE_RECIPIENT, { error: 'is not an age recipient (age1…)' }))
    .default([])
    .meta({
      description:
        "age recipients: who holds one of their identities can open a backup. Without any, quorate makes an identity on the operator's host.",
      examples: [['age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p']],
    }),
  directory: z
    .string()
    .regex(syntax.PLAIN_PATH, { error: 'is not an absolute path of plain names' })
    .default(DEFAULTS.snapshotDirectory)
    .meta({ description: 'Where they lie on each control plane.', examples: ['/var/lib/quorate/backups'] }),
  s3: s3.optional().meta({
    description: 'A bucket of any S3-compatible store that every backup is copied to.',
    examples: [{ endpoint: 'https://s3.example.com', bucket: 'backups', credentialsFile: '~/.aws/credentials' }],
  }),
});
