/** Where secrets are pulled from: one provider for each scope, whose credentials no answer ever shows. */
import { z } from 'zod';
import { endpointProblem } from './endpoints.ts';
import { DEFAULTS, LIMITS } from './limits.ts';
import { timestampSchema } from './names.ts';
import { PATTERNS } from './rules.ts';
import { checkOwner, ownerShape, rollSchema } from './secrets.ts';

const endpointSchema = z
  .string()
  .max(LIMITS.provider_text_characters_max)
  .superRefine((text, context) => {
    const message = endpointProblem(text);
    if (message !== null) context.addIssue({ code: 'custom', message });
  });

const PLAIN_MESSAGE = 'use letters, digits and . _ - as they stand in its address';
/** Of a project or config of Doppler's. */
const slugSchema = z.string().regex(/^[A-Za-z0-9._-]{1,128}$/, PLAIN_MESSAGE);
const credential = (what: string, characters_max: number = LIMITS.provider_text_characters_max) =>
  z
    .string()
    .min(1)
    .max(characters_max)
    .regex(/^[\x21-\x7e]+$/, `use ${what} as it was given to you, in one line without spaces`);

const dopplerShape = {
  kind: z.literal('doppler'),
  project: slugSchema.meta({ description: 'of Doppler' }),
  config: slugSchema.meta({ description: 'of Doppler, such as prd' }),
  endpoint: endpointSchema.default(DEFAULTS.doppler_endpoint),
};
const awsShape = {
  kind: z.literal('aws_ssm'),
  region: z.string().regex(/^[a-z]{2,4}(-[a-z]{2,12}){1,3}-[0-9]{1,2}$/, 'use a region such as eu-central-1'),
  path: z
    .string()
    .max(LIMITS.provider_text_characters_max)
    .regex(/^(\/[A-Za-z0-9_.-]+){1,15}$|^\/$/, 'use a path such as /shop/production, without a slash at its end')
    .meta({ description: 'parameters beneath it become secrets: /shop/production/db/url beneath /shop/production is DB_URL' }),
  endpoint: endpointSchema.optional().meta({ description: 'default: that of the region' }),
};
const ageShape = {
  kind: z.literal('age'),
  file: z
    .string()
    .max(LIMITS.provider_text_characters_max)
    .regex(PATTERNS.container_path, PATTERNS.container_path_message)
    .meta({ description: 'on the server, beneath a directory that its configuration allows; once opened, a .env file' }),
};

const awsSchema = z
  .strictObject({
    ...awsShape,
    access_key_id: z
      .string()
      .regex(/^[A-Z0-9]{16,128}$/, 'use an access key id such as AKIA…')
      .optional()
      .meta({ description: 'default: whatever credentials the host itself has, such as the role of its instance' }),
    secret_access_key: credential('the secret access key').optional(),
    session_token: credential('the session token', 4_096).optional(),
  })
  .superRefine(({ access_key_id: id, secret_access_key: key, session_token: session }, context) => {
    const complain = (field: string, message: string) => context.addIssue({ code: 'custom', path: [field], message });
    if (id !== undefined && key === undefined) complain('secret_access_key', 'an access key id needs its secret access key');
    if (id === undefined && key !== undefined) complain('access_key_id', 'a secret access key needs its access key id');
    if (id === undefined && session !== undefined) complain('access_key_id', 'a session token needs its access key');
  });

/** As it is configured, credentials and all. */
export const providerSchema = z.discriminatedUnion('kind', [
  z.strictObject({ ...dopplerShape, token: credential('the token').meta({ description: 'a service token that may read' }) }),
  awsSchema,
  z.strictObject({
    ...ageShape,
    identity: z
      .string()
      .max(LIMITS.provider_text_characters_max)
      .regex(/^AGE-SECRET-KEY-(PQ-)?1[0-9A-Z]+$/, 'use the line AGE-SECRET-KEY-1… of what age-keygen wrote')
      .meta({ description: 'of a recipient that the file was made for' }),
  }),
]);
export type Provider = z.infer<typeof providerSchema>;

/** As it is kept and shown. */
export const providerSettingsSchema = z.discriminatedUnion('kind', [
  z.strictObject(dopplerShape),
  z.strictObject({ ...awsShape, credentials: z.enum(['keys', 'host']) }),
  z.strictObject(ageShape),
]);
export type ProviderSettings = z.infer<typeof providerSettingsSchema>;

export const providerSetRequestSchema = z
  .strictObject({ ...ownerShape, provider: providerSchema })
  .superRefine(checkOwner)
  .meta({ id: 'SecretProviderRequest' });

export const providerRemovalQuerySchema = z.strictObject(ownerShape).superRefine(checkOwner);

export const secretsPullRequestSchema = z
  .strictObject({
    ...ownerShape,
    dry_run: z.boolean().default(false).meta({ description: 'ask the provider, and only say what would change' }),
    roll: rollSchema,
  })
  .superRefine(checkOwner)
  .meta({ id: 'SecretsPullRequest' });

export const secretProviderSchema = z
  .strictObject({
    scope: ownerShape.scope,
    project: z.string().nullable(),
    app_name: z.string().nullable(),
    provider: providerSettingsSchema,
    set_at: timestampSchema,
    set_by: z.string(),
    pulled_at: timestampSchema.nullable().meta({ description: 'when secrets were last pulled from it; null: never' }),
    last_failure: z.strictObject({ at: timestampSchema, message: z.string() }).nullable().meta({
      description: 'why it could not be asked the last time; null: it answered, or was not asked since the daemon started',
    }),
  })
  .meta({ id: 'SecretProvider', description: 'never its credentials' });
export type SecretProvider = z.infer<typeof secretProviderSchema>;
