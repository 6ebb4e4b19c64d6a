/** Secrets: what an app is given that no answer ever shows. Scopes merge global < project < app. */
import { z } from 'zod';
import { envSchema } from './environment.ts';
import { LIMITS } from './limits.ts';
import { appNameSchema, operationIdSchema, projectNameSchema, timestampSchema } from './names.ts';
import { PATTERNS } from './rules.ts';

export const secretScopeSchema = z
  .enum(['global', 'project', 'app'])
  .meta({ description: 'whose: every app’s, those of one project, or one app’s; the narrower one wins' });
export type SecretScope = z.infer<typeof secretScopeSchema>;

export const secretNameSchema = z
  .string()
  .max(LIMITS.env_name_length_max)
  .regex(PATTERNS.env_name, 'use letters, digits and underscores, not starting with a digit')
  .meta({ id: 'SecretName' });

/** The parts of a request that say whose secrets it is about. */
export const ownerShape = {
  scope: secretScopeSchema,
  project: projectNameSchema.optional().meta({ description: 'with scope project' }),
  app_name: appNameSchema.optional().meta({ description: 'with scope app' }),
};
type OwnerFields = z.infer<z.ZodObject<typeof ownerShape>>;

interface Issues {
  addIssue(issue: { code: 'custom'; path: string[]; message: string }): void;
}

export function checkOwner({ scope, project, app_name }: OwnerFields, context: Issues): void {
  const given = { project, app_name };
  const wanted = { global: null, project: 'project', app: 'app_name' } as const;
  for (const field of ['project', 'app_name'] as const) {
    const complain = (message: string) => context.addIssue({ code: 'custom', path: [field], message });
    if (wanted[scope] === field && given[field] === undefined) complain(`the scope ${scope} needs its ${field}`);
    if (wanted[scope] !== field && given[field] !== undefined) complain(`the scope ${scope} has no ${field}; leave it out`);
  }
}

/** Whose secrets: the parts of a request that say so, checked to fit each other. */
export type SecretOwner = { scope: 'global' } | { scope: 'project'; project: string } | { scope: 'app'; app_name: string };

/** Of a request that was validated. */
export function ownerOf({ scope, project, app_name }: OwnerFields): SecretOwner {
  if (scope === 'project' && project !== undefined) return { scope, project };
  if (scope === 'app' && app_name !== undefined) return { scope, app_name };
  return { scope: 'global' };
}

export const rollSchema = z
  .boolean()
  .default(false)
  .meta({ description: 'bring up a new release, without downtime, of each running app that is concerned' });

export const secretsSyncRequestSchema = z
  .strictObject({
    ...ownerShape,
    secrets: envSchema.meta({ description: 'NAME: value' }),
    mode: z
      .enum(['merge', 'replace'])
      .default('merge')
      .meta({ description: 'replace: what is not named is removed from this scope, but for what its provider brings' }),
    dry_run: z.boolean().default(false).meta({ description: 'only say what would change' }),
    roll: rollSchema,
  })
  .superRefine(checkOwner)
  .meta({ id: 'SecretsSyncRequest' });
export type SecretsSyncRequest = z.infer<typeof secretsSyncRequestSchema>;

export const secretsListQuerySchema = z.strictObject({
  scope: secretScopeSchema.optional(),
  project: projectNameSchema.optional(),
  app_name: appNameSchema.optional(),
});

export const secretRemovalQuerySchema = z
  .strictObject({ ...ownerShape, name: secretNameSchema, roll: z.stringbool().optional() })
  .superRefine(checkOwner);

const fingerprintSchema = z
  .string()
  .meta({ description: 'alike for alike values of this secret on this server; keyed, so that nobody can try values offline' });

const ownerAnswerShape = {
  scope: secretScopeSchema,
  project: z.string().nullable(),
  app_name: z.string().nullable(),
  name: z.string(),
};

/** Names one version of one secret. */
export const secretPinSchema = z
  .strictObject({ ...ownerAnswerShape, version: z.number().int() })
  .meta({ id: 'SecretPin', description: 'the version of a secret that a release runs with' });
export type SecretPin = z.infer<typeof secretPinSchema>;

const providerKindSchema = z.enum(['doppler', 'aws_ssm', 'age']);
export type ProviderKind = z.infer<typeof providerKindSchema>;
const originSchema = providerKindSchema.nullable().meta({ description: 'where it was pulled from; null: it was set by hand' });

export const secretSchema = z
  .strictObject({
    ...ownerAnswerShape,
    version: z.number().int(),
    fingerprint: fingerprintSchema,
    origin: originSchema,
    updated_at: timestampSchema,
    updated_by: z.string(),
    versions: z
      .array(
        z.strictObject({
          version: z.number().int(),
          fingerprint: fingerprintSchema,
          origin: originSchema,
          created_at: timestampSchema,
          created_by: z.string(),
        }),
      )
      .meta({ description: 'those that are kept, newest first' }),
  })
  .meta({ id: 'Secret', description: 'never its value' });
export type Secret = z.infer<typeof secretSchema>;

export const secretChangeSchema = z.strictObject({
  name: z.string(),
  change: z
    .enum(['added', 'changed', 'unchanged', 'removed', 'kept'])
    .meta({ description: 'kept: it was set by hand, so what the provider has under this name is not taken' }),
  version: z.number().int().nullable().meta({ description: 'from now on; null when it was removed' }),
  fingerprint: fingerprintSchema.nullable(),
});
export type SecretChange = z.infer<typeof secretChangeSchema>;

export const secretsChangedSchema = z
  .strictObject({
    dry_run: z.boolean(),
    changes: z.array(secretChangeSchema),
    /** Those whose next release runs with other values than the live one. */
    apps: z.array(z.string()).meta({ description: 'apps that are concerned; each takes the change over with its next release' }),
    rolled: z.array(z.strictObject({ app_name: z.string(), operation_id: operationIdSchema })),
    not_rolled: z.array(z.strictObject({ app_name: z.string(), reason: z.string() })),
  })
  .meta({ id: 'SecretsChanged' });
export type SecretsChanged = z.infer<typeof secretsChangedSchema>;

export const keyRotatedSchema = z
  .strictObject({ key_id: z.string(), secrets: z.number().int().meta({ description: 'values that were sealed anew' }) })
  .meta({ id: 'KeyRotated' });
