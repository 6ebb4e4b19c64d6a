import type { FieldError } from '../../daemon/contract/errors.ts';
import { DEFAULTS } from '../../daemon/contract/limits.ts';
import type { RouteBodyInput } from '../../daemon/contract/routes.ts';
import { type ProviderSettings, providerSetRequestSchema } from '../../daemon/contract/secret-providers.ts';
import { ownerOf, type ProviderKind, type SecretOwner } from '../../daemon/contract/secrets.ts';
import { sentence } from '../format.ts';

/** What the fields of the dialog hold. Credentials live here alone, and only while the dialog is open. */
export interface ProviderForm {
  scope: SecretOwner['scope'];
  owner_project: string;
  app_name: string;
  kind: ProviderKind;
  /** Of Doppler. */
  project: string;
  config: string;
  token: string;
  /** Of AWS. */
  region: string;
  path: string;
  credentials: 'keys' | 'host';
  access_key_id: string;
  secret_access_key: string;
  session_token: string;
  /** Of Doppler or AWS, where it is not their own. */
  endpoint: string;
  /** Of age. */
  file: string;
  identity: string;
}

type ProviderField = Exclude<keyof ProviderForm, 'scope' | 'kind' | 'credentials'>;
export type ProviderErrors = Partial<Record<ProviderField, string>>;

const BLANK: Omit<ProviderForm, 'scope' | 'owner_project' | 'app_name'> = {
  kind: 'doppler',
  project: '',
  config: '',
  token: '',
  region: '',
  path: '',
  credentials: 'keys',
  access_key_id: '',
  secret_access_key: '',
  session_token: '',
  endpoint: '',
  file: '',
  identity: '',
};

/** The form for an owner, with what is known of the provider that it has; nobody knows its credentials. */
export function providerForm(
  owner: SecretOwner,
  known: { project?: string | undefined; provider?: ProviderSettings | undefined } = {},
): ProviderForm {
  const owner_project = owner.scope === 'project' ? owner.project : (known.project ?? '');
  const app_name = owner.scope === 'app' ? owner.app_name : '';
  const { provider } = known;
  const endpoint = provider !== undefined && 'endpoint' in provider ? (provider.endpoint ?? '') : '';
  return {
    scope: owner.scope,
    owner_project,
    app_name,
    ...BLANK,
    ...provider,
    endpoint: endpoint === DEFAULTS.doppler_endpoint ? '' : endpoint,
  };
}

type SetBody = RouteBodyInput<'setSecretProvider'>;

/** The request that the form stands for, or what is wrong with it. No message holds a credential. */
export function readProviderForm(form: ProviderForm): { body: SetBody } | { errors: ProviderErrors } {
  const body = {
    scope: form.scope,
    ...(form.scope === 'project' ? { project: form.owner_project.trim() } : {}),
    ...(form.scope === 'app' ? { app_name: form.app_name.trim() } : {}),
    provider: providerFields(form),
  } as SetBody; // its parts are checked right here
  const missing = missingCredentials(form);
  const parsed = providerSetRequestSchema.safeParse(body);
  const complaints = (parsed.error?.issues ?? []).map(({ path, message }) => ({ field: path.join('.'), message }));
  const errors = { ...providerErrors(complaints), ...missing };
  return Object.keys(errors).length > 0 ? { errors } : { body };
}

function providerFields(form: ProviderForm): object {
  const trimmed = (name: ProviderField) => form[name].trim();
  const given = (...names: ProviderField[]) =>
    Object.fromEntries(names.map((name) => [name, trimmed(name)]).filter(([, text]) => text !== ''));
  switch (form.kind) {
    case 'doppler':
      return {
        ...{ kind: 'doppler', project: trimmed('project'), config: trimmed('config'), token: trimmed('token') },
        ...given('endpoint'),
      };
    case 'aws_ssm':
      return {
        ...{ kind: 'aws_ssm', region: trimmed('region'), path: trimmed('path') },
        ...given('endpoint', ...(form.credentials === 'keys' ? KEYS : [])),
      };
    case 'age':
      return { kind: 'age', file: trimmed('file'), identity: trimmed('identity') };
  }
}

const KEYS: ProviderField[] = ['access_key_id', 'secret_access_key', 'session_token'];

/** The contract says what a credential looks like; that it has to be given at all is said in plainer words. */
function missingCredentials(form: ProviderForm): ProviderErrors {
  const wanted: Record<ProviderKind, readonly (readonly [ProviderField, string])[]> = {
    doppler: [['token', 'Paste the service token']],
    aws_ssm:
      form.credentials === 'host'
        ? []
        : [
            ['access_key_id', 'Give the access key id'],
            ['secret_access_key', 'Paste the secret access key'],
          ],
    age: [['identity', 'Paste the identity']],
  };
  return Object.fromEntries(wanted[form.kind].filter(([field]) => form[field].trim() === ''));
}

/** The complaints of the contract or the daemon at the fields of the dialog. */
export function providerErrors(complaints: readonly FieldError[]): ProviderErrors {
  const errors: ProviderErrors = {};
  for (const { field, message } of complaints) {
    const name = fieldOf(field);
    if (name !== null) errors[name] ??= sentence(message);
  }
  return errors;
}

function fieldOf(field: string): ProviderField | null {
  if (field === 'project') return 'owner_project';
  if (field === 'app_name') return 'app_name';
  const [first, name = ''] = field.split('.');
  const isField = first === 'provider' && Object.hasOwn(BLANK, name) && name !== 'kind' && name !== 'credentials';
  return isField ? (name as ProviderField) : null; // as was just looked up
}

/** Whose provider the form is about. */
export const providerFormOwner = ({ scope, owner_project, app_name }: ProviderForm): SecretOwner =>
  ownerOf({ scope, project: owner_project.trim(), app_name: app_name.trim() });
