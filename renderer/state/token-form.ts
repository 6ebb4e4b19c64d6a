import { tokenRequestSchema } from '../../daemon/contract/access.ts';
import type { Role } from '../../daemon/contract/domain.ts';
import type { FieldError } from '../../daemon/contract/errors.ts';
import { LIMITS } from '../../daemon/contract/limits.ts';
import type { RouteBodyInput } from '../../daemon/contract/routes.ts';
import { sentence } from '../format.ts';

export const EXPIRY_PRESETS = [
  { value: '7', label: '7 days' },
  { value: '30', label: '30 days' },
  { value: '90', label: '90 days' },
  { value: '365', label: '1 year' },
  { value: 'date', label: 'On a day' },
  { value: 'never', label: 'Never' },
] as const;
export type Expiry = (typeof EXPIRY_PRESETS)[number]['value'];

export interface TokenForm {
  name: string;
  role: Role;
  /** All apps, or those of `apps`. */
  reach: 'all' | 'some';
  apps: string[];
  expiry: Expiry;
  /** `2026-11-28`, with the expiry `date`: the last day on which it opens anything, by this machine's clock. */
  date: string;
}

export const NEW_TOKEN: TokenForm = { name: '', role: 'operator', reach: 'all', apps: [], expiry: '90', date: '' };

export type TokenErrors = Partial<Record<'name' | 'role' | 'apps' | 'expires_at', string>>;

const DAY_MS = 24 * 60 * 60_000;

/** When it ends, in ISO 8601; null: never, undefined: that is not said yet. */
export function expiresAt({ expiry, date }: TokenForm, now_ms: number): string | null | undefined {
  if (expiry === 'never') return null;
  if (expiry !== 'date') return new Date(now_ms + Number(expiry) * DAY_MS).toISOString();
  const end = new Date(`${date}T23:59:59`);
  return date === '' || Number.isNaN(end.getTime()) ? undefined : end.toISOString();
}

/** The request that the form stands for at a moment of the host's clock, or what is wrong with it. */
export function readTokenForm(
  form: TokenForm,
  now_ms: number,
): { body: RouteBodyInput<'createToken'> } | { errors: TokenErrors } {
  const isLimited = form.reach === 'some' && form.role !== 'admin';
  const end = expiresAt(form, now_ms);
  const body = {
    name: form.name.trim(),
    role: form.role,
    ...(isLimited ? { apps: form.apps } : {}),
    ...(end == null ? {} : { expires_at: end }),
  };
  const parsed = tokenRequestSchema.safeParse(body);
  const complaints = (parsed.error?.issues ?? []).map(({ path, message }) => ({ field: path.join('.'), message }));
  const errors = { ...tokenErrors(complaints), ...expiryError(end, now_ms) };
  if (body.name === '') errors.name = 'Say who or what it is for';
  return Object.keys(errors).length > 0 ? { errors } : { body };
}

function expiryError(end: string | null | undefined, now_ms: number): TokenErrors {
  if (end === undefined) return { expires_at: 'Choose the day' };
  if (end === null) return {};
  const left_ms = Date.parse(end) - now_ms;
  if (left_ms <= 0) return { expires_at: 'That day is over' };
  const isTooLong = left_ms > LIMITS.token_lifetime_days_max * DAY_MS;
  return isTooLong ? { expires_at: `Use at most ${LIMITS.token_lifetime_days_max} days` } : {};
}

/** The complaints of the contract or the daemon at the fields of the dialog. */
export function tokenErrors(complaints: readonly FieldError[]): TokenErrors {
  const errors: TokenErrors = {};
  for (const { field, message } of complaints) {
    const name = field.split('.')[0];
    if (name === 'name' || name === 'role' || name === 'apps' || name === 'expires_at') errors[name] ??= sentence(message);
  }
  return errors;
}
