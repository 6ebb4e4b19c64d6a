import type { FieldError } from '../../daemon/contract/errors.ts';
import type { ProxyType, TlsMode } from '../../daemon/contract/names.ts';
import { type ProxyRoute, proxyRouteRequestSchema } from '../../daemon/contract/proxy-routes.ts';
import type { RouteBodyInput } from '../../daemon/contract/routes.ts';
import { sentence } from '../format.ts';
import { formatSize, parseSize } from './quantity.ts';

export type RouteBody = RouteBodyInput<'configureRoute'>;
type Status = ProxyRoute['redirects'][number]['status'];

export interface RouteRedirectRow {
  key: number;
  from: string;
  to: string;
  status: Status;
}
export interface PrefixRow {
  key: number;
  path: string;
  /** The name of an app, or a port of this host. */
  target: string;
  strip: boolean;
}
export interface HeaderRow {
  key: number;
  name: string;
  value: string;
}
export interface UserRow {
  key: number;
  username: string;
  /** Typed once and never shown again; empty: the one that is kept stays. */
  password: string;
  /** Whether the server keeps a password for this name. */
  isKept: boolean;
}

/** What the fields of the dialog hold. */
export interface RouteForm {
  /** Null: of a route to a port. */
  app_name: string | null;
  domain: string;
  port: string;
  proxy_type: 'default' | ProxyType;
  tls: 'default' | TlsMode;
  aliases: string[];
  www: ProxyRoute['www'];
  redirects: RouteRedirectRow[];
  prefixes: PrefixRow[];
  headers: HeaderRow[];
  users: UserRow[];
  body_max: string;
  compression: boolean;
  /** Null: visitors are served. */
  maintenance: string | null;
}

/** Messages by field: `domain`, `redirects.KEY.from`, `headers.KEY.name`. */
export type RouteErrors = Readonly<Record<string, string>>;

export const EMPTY_ROUTE: RouteForm = {
  ...{ app_name: null, domain: '', port: '', proxy_type: 'default', tls: 'default', aliases: [], www: 'off' },
  ...{ redirects: [], prefixes: [], headers: [], users: [], body_max: '', compression: false, maintenance: null },
};

/** The form for a route as it is. */
export function routeForm(route: ProxyRoute): RouteForm {
  return {
    app_name: route.app_name,
    domain: route.domain,
    port: route.port === null ? '' : String(route.port),
    proxy_type: route.proxy_type,
    tls: route.tls,
    aliases: [...route.aliases],
    www: route.www,
    redirects: route.redirects.map((each, key) => ({ key, ...each })),
    prefixes: route.prefixes.map(({ path, app_name, port, strip }, key) => ({
      ...{ key, path, strip },
      target: app_name ?? String(port ?? ''),
    })),
    headers: Object.entries(route.headers).map(([name, value], key) => ({ key, name, value })),
    users: route.basic_auth.map(({ username }, key) => ({ key, username, password: '', isKept: true })),
    body_max: route.body_bytes_max === null ? '' : formatSize(route.body_bytes_max),
    compression: route.compression,
    maintenance: route.maintenance?.message ?? null,
  };
}

export const nextRowKey = (rows: readonly { key: number }[]): number => Math.max(-1, ...rows.map(({ key }) => key)) + 1;

const filled = {
  redirects: (form: RouteForm) => form.redirects.filter(({ from, to }) => from.trim() !== '' || to.trim() !== ''),
  prefixes: (form: RouteForm) => form.prefixes.filter(({ path, target }) => path.trim() !== '' || target.trim() !== ''),
  headers: (form: RouteForm) => form.headers.filter(({ name, value }) => name.trim() !== '' || value !== ''),
  users: (form: RouteForm) => form.users.filter(({ username, password }) => username.trim() !== '' || password !== ''),
};

/** The request that the form stands for, or what is wrong with it. No message holds a password. */
export function readRouteForm(form: RouteForm): { body: RouteBody } | { errors: RouteErrors } {
  const body_bytes_max = form.body_max.trim() === '' ? null : parseSize(form.body_max);
  const own = form.app_name === null ? portFields(form) : { app_name: form.app_name };
  const body: RouteBody = {
    ...own,
    www: form.www,
    redirects: filled.redirects(form).map(({ from, to, status }) => ({ from: from.trim(), to: to.trim(), status })),
    prefixes: filled.prefixes(form).map(prefixOf),
    headers: Object.fromEntries(filled.headers(form).map(({ name, value }) => [name.trim(), value.trim()])),
    body_bytes_max,
    compression: form.compression,
    basic_auth: filled.users(form).map(({ username, password }) => ({
      username: username.trim(),
      ...(password === '' ? {} : { password }),
    })),
  };
  const parsed = proxyRouteRequestSchema.safeParse(body);
  const complaints = (parsed.error?.issues ?? []).map(({ path, message }) => ({ field: path.join('.'), message }));
  const errors = { ...routeErrors(complaints, form), ...ownErrors(form, body_bytes_max) };
  return Object.keys(errors).length > 0 ? { errors } : { body };
}

function portFields(form: RouteForm): Partial<RouteBody> {
  return {
    domain: form.domain.trim().toLowerCase(),
    port: Number(form.port.trim() === '' ? Number.NaN : form.port),
    ...(form.proxy_type === 'default' ? {} : { proxy_type: form.proxy_type }),
    ...(form.tls === 'default' ? {} : { tls: form.tls }),
    aliases: form.aliases,
    maintenance: form.maintenance === null ? null : { message: form.maintenance.trim() },
  };
}

function prefixOf({ path, target, strip }: PrefixRow) {
  const name = target.trim();
  return { path: path.trim(), ...(/^\d+$/.test(name) ? { port: Number(name) } : { app_name: name }), strip };
}

/** What the contract cannot see, for its form has lost it by then. */
function ownErrors(form: RouteForm, body_bytes_max: number | null): RouteErrors {
  const errors: Record<string, string> = {};
  if (form.app_name === null && form.domain.trim() === '') errors.domain = 'Name the domain';
  if (form.body_max.trim() !== '' && body_bytes_max === null) errors.body_bytes_max = 'Use a size such as 10 MB';
  const names = filled.headers(form).map(({ name }) => name.trim().toLowerCase());
  for (const [index, { key }] of filled.headers(form).entries())
    if (names.indexOf(names[index] ?? '') < index) errors[`headers.${key}.name`] = 'It is named twice; name it once';
  for (const { key, password, isKept } of filled.users(form))
    if (password === '' && !isKept) errors[`users.${key}.password`] = 'Give the password';
  return errors;
}

/** The complaints of the contract or the daemon at the fields of the dialog. */
export function routeErrors(complaints: readonly FieldError[], form: RouteForm): RouteErrors {
  const errors: Record<string, string> = {};
  for (const { field, message } of complaints) errors[shownAt(field, form)] ??= sentence(message);
  return errors;
}

/** Rows are told apart by keys, requests by places; headers by names. */
function shownAt(field: string, form: RouteForm): string {
  const [list = '', place = '', ...rest] = field.split('.');
  const within = rest.join('.');
  switch (list) {
    case 'redirects':
      return rowField(list, filled.redirects(form)[Number(place)], within, field);
    case 'prefixes':
      return rowField(
        list,
        filled.prefixes(form)[Number(place)],
        within === 'port' || within === 'app_name' ? 'target' : within,
        field,
      );
    case 'basic_auth':
      return rowField('users', filled.users(form)[Number(place)], within === '' ? 'username' : within, field);
    case 'headers': {
      const name = [place, ...rest].join('.'); // a name may hold dots
      const row = filled.headers(form).find((each) => each.name.trim() === name);
      const isOfValue = row !== undefined && /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(name);
      return rowField(list, row, isOfValue ? 'value' : 'name', list);
    }
    case 'aliases':
    case 'maintenance':
      return list;
    default:
      return field;
  }
}

const rowField = (list: string, row: { key: number } | undefined, within: string, otherwise: string): string =>
  row === undefined ? otherwise : `${list}.${row.key}${within === '' ? '' : `.${within}`}`;

/** Fields that the dialog has no place for are said below it. */
export function unplaced(errors: RouteErrors): string | null {
  const isPlaced = (field: string) => PLACED.some((each) => field === each || field.startsWith(`${each}.`));
  return Object.entries(errors).find(([field]) => !isPlaced(field))?.[1] ?? null;
}

const PLACED = [
  ...['domain', 'port', 'proxy_type', 'tls', 'aliases', 'www', 'redirects', 'prefixes', 'headers'],
  ...['users', 'body_bytes_max', 'compression', 'maintenance'],
];

// Parts that fold ---------------------------------------------------------------------------------------------------

export const ROUTE_PARTS = ['names', 'prefixes', 'redirects', 'headers', 'access', 'limits'] as const;
export type RoutePart = (typeof ROUTE_PARTS)[number];

const PART_OF: [field: string, part: RoutePart][] = [
  ['aliases', 'names'],
  ['www', 'names'],
  ['proxy_type', 'names'],
  ['tls', 'names'],
  ['prefixes', 'prefixes'],
  ['redirects', 'redirects'],
  ['headers', 'headers'],
  ['users', 'access'],
  ['maintenance', 'access'],
  ['body_bytes_max', 'limits'],
  ['compression', 'limits'],
];

/** How many complaints stand in a part. */
export const errorsIn = (part: RoutePart, errors: RouteErrors): number =>
  Object.keys(errors).filter((field) =>
    PART_OF.some(([name, of]) => of === part && (field === name || field.startsWith(`${name}.`))),
  ).length;

const count = (number: number, one: string, many = `${one}s`) => (number === 0 ? '' : `${number} ${number === 1 ? one : many}`);

/** What is set in a part, in one line; empty where all of it is left to its defaults. */
export function partSummary(part: RoutePart, form: RouteForm): string {
  const texts: Record<RoutePart, string[]> = {
    names: [
      count(form.aliases.length, 'alias', 'aliases'),
      form.www === 'add' ? 'to www.' : form.www === 'remove' ? 'without www.' : '',
      form.app_name !== null || form.tls === 'default' ? '' : `TLS ${form.tls}`,
      form.app_name !== null || form.proxy_type === 'default' ? '' : form.proxy_type,
    ],
    prefixes: filled.prefixes(form).map(({ path, target }) => `${path} → ${target}`),
    redirects: [count(filled.redirects(form).length, 'redirect')],
    headers: filled.headers(form).map(({ name }) => name),
    access: [count(filled.users(form).length, 'user'), form.maintenance === null ? '' : 'maintenance'],
    limits: [form.body_max.trim() === '' ? '' : `bodies to ${form.body_max.trim()}`, form.compression ? 'compressed' : ''],
  };
  return texts[part].filter((text) => text !== '').join(' · ');
}
