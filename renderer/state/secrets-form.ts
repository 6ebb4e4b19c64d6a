import { parseEnvText } from '../../daemon/contract/env-text.ts';
import type { FieldError } from '../../daemon/contract/errors.ts';
import type { RouteBodyInput } from '../../daemon/contract/routes.ts';
import { ownerOf, type SecretOwner, secretNameSchema, secretsSyncRequestSchema } from '../../daemon/contract/secrets.ts';
import { sentence } from '../format.ts';
import { lookUp } from './look-up.ts';
import { ownerName } from './secrets.ts';

/** What the fields of the dialog hold. Values live here alone, and only while the dialog is open. */
export interface SecretsForm {
  scope: SecretOwner['scope'];
  project: string;
  app_name: string;
  /** One secret by name and value, or many as the text of a `.env` file. */
  kind: 'one' | 'many';
  name: string;
  value: string;
  text: string;
  mode: 'merge' | 'replace';
}

/** The form as it is opened for an owner; the other scopes hold what is `known` of them. */
export function secretsForm(owner: SecretOwner, known: { project?: string | undefined; name?: string } = {}): SecretsForm {
  const project = owner.scope === 'project' ? owner.project : (known.project ?? '');
  const app_name = owner.scope === 'app' ? owner.app_name : '';
  return { scope: owner.scope, project, app_name, kind: 'one', name: known.name ?? '', value: '', text: '', mode: 'merge' };
}

/** Messages by the field at which the dialog shows them; none ever holds a value. */
export type SecretsErrors = Partial<Record<'project' | 'app_name' | 'name' | 'value' | 'text', string>>;

type SyncBody = RouteBodyInput<'syncSecrets'>;

/** The request that the form stands for, or what is wrong with it. */
export function readSecretsForm(form: SecretsForm): { body: SyncBody } | { errors: SecretsErrors } {
  const { secrets, errors } = form.kind === 'one' ? readOne(form) : readMany(form);
  const owner = {
    scope: form.scope,
    ...(form.scope === 'project' ? { project: form.project.trim() } : {}),
    ...(form.scope === 'app' ? { app_name: form.app_name.trim() } : {}),
  };
  const body = { ...owner, secrets, mode: form.kind === 'one' ? ('merge' as const) : form.mode };
  const parsed = secretsSyncRequestSchema.safeParse(body);
  if (parsed.success && Object.keys(errors).length === 0) return { body };
  const complaints = (parsed.error?.issues ?? []).map(({ path, message }) => ({ field: path.join('.'), message }));
  const { project, app_name, ...of } = secretsErrors(complaints, form);
  const owners = { ...(project && { project }), ...(app_name && { app_name }) };
  // What is wrong with a name would else be said of its value once more.
  const found = { ...owners, ...(Object.keys(errors).length > 0 ? errors : of) };
  return Object.keys(found).length > 0 ? { errors: found } : { body }; // what has no field here the core says
}

interface Reading {
  secrets: Record<string, string>;
  errors: SecretsErrors;
}

function readOne(form: SecretsForm): Reading {
  const name = form.name.trim();
  const read = secretNameSchema.safeParse(name);
  const errors: SecretsErrors = {
    ...(read.success ? {} : { name: sentence(read.error.issues[0]?.message ?? '') }),
    ...(form.value === '' ? { value: 'Type or paste the value' } : {}),
  };
  return { secrets: { [name]: form.value }, errors };
}

function readMany({ text }: SecretsForm): Reading {
  const { env, problems } = parseEnvText(text);
  const first = problems[0];
  if (first !== undefined) return { secrets: {}, errors: { text: `Line ${first.line}: ${first.message}` } };
  const isNothing = Object.keys(env).length === 0; // to replace all by nothing is a slip, not a wish
  return { secrets: env, errors: isNothing ? { text: 'Paste at least one line NAME=value' } : {} };
}

/** The complaints of the contract or the daemon at the fields of the dialog; those about a secret say its name. */
export function secretsErrors(complaints: readonly FieldError[], form: SecretsForm): SecretsErrors {
  const errors: SecretsErrors = {};
  for (const { field, message } of complaints) {
    const [first, ...name] = field.split('.');
    if (first === 'project' || first === 'app_name') errors[first] ??= sentence(message);
    if (first !== 'secrets') continue;
    if (form.kind === 'many') errors.text ??= name.length === 0 ? sentence(message) : `${name.join('.')}: ${message}`;
    else if (name.length > 0) errors.value ??= sentence(message);
  }
  return errors;
}

/** Whose secrets the form is about, while that is said. */
export function formOwner({ scope, project, app_name }: SecretsForm): SecretOwner | null {
  const owner = ownerOf({ scope, project: project.trim(), app_name: app_name.trim() });
  return ownerName(owner) === '' ? null : owner;
}

/** What the operator would hardly see in a value that is masked. */
export function valueHints(value: string): string[] {
  const lines = value.split('\n').length;
  return [
    ...(lines > 1 ? [`${lines} lines`] : []),
    ...(/^\s/.test(value) ? ['begins with a blank'] : []),
    ...(/\n$/.test(value) ? ['ends with a line break'] : /\s$/.test(value) ? ['ends with a blank'] : []),
  ];
}

/** What a text holds, as far as it can be told without a value: how many secrets, and which have none. */
export function textHints(text: string): { count: number; names: string[]; empty: string[] } {
  const { env } = parseEnvText(text);
  const names = Object.keys(env);
  return { count: names.length, names, empty: names.filter((name) => lookUp(env, name) === '') };
}
