/** Routes of the proxies: what a site does beside passing requests on, and sites of programs that are no apps. */
import { z } from 'zod';
import { LIMITS } from './limits.ts';
import { appNameSchema, domainNameSchema, portSchema, proxyTypeSchema, tlsModeSchema } from './names.ts';
import { isHttps, PATTERNS, RESERVED_HEADERS } from './rules.ts';

const whole = (min: number, max: number) => {
  const message = `use a whole number from ${min} to ${max}`;
  return z.number(message).int(message).min(min, message).max(max, message);
};
const statusSchema = z.union([z.literal(301), z.literal(302), z.literal(307), z.literal(308)], 'use 301, 302, 307 or 308');
/** As it stands in a request, without query; nothing in it needs quoting in any proxy's configuration. */
const pathSchema = z
  .string()
  .max(1_024)
  .regex(
    /^(?![\s\S]*\/\.\.?(?:\/|$))\/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*$/,
    'use an absolute path such as /docs, without .. and without a query',
  )
  .refine(isReadable, 'use a path that reads as printable text without .. when its % signs are decoded');

function isReadable(path: string): boolean {
  try {
    const decoded = decodeURIComponent(path);
    return PATTERNS.printable.test(decoded) && !/\/\.\.?(?:\/|$)/.test(decoded);
  } catch {
    return false;
  }
}

const headerNameSchema = z
  .string()
  .max(256)
  .regex(/^[A-Za-z][A-Za-z0-9_-]*$/, 'use the name of a header such as X-Frame-Options')
  .refine((name) => !RESERVED_HEADERS.has(name.toLowerCase()), 'this header is not for a route to set');
const headerValueSchema = z
  .string()
  .max(LIMITS.route_header_characters_max)
  .regex(/^[\x20-\x7e]*$/, 'use printable ASCII characters in one line');

export const pathRedirectSchema = z.strictObject({
  from: pathSchema,
  to: z
    .string()
    .max(2_048)
    .regex(
      /^(?:https?:\/\/[A-Za-z0-9.-]+(?::[0-9]{1,5})?)?\/(?!\/)[A-Za-z0-9\-._~!$&'()*+,;=:@%/?#]*$/,
      'use a path such as /new, or a URL such as https://example.com/new',
    ),
  status: statusSchema.default(308),
});

const byteLength = (text: string) => new TextEncoder().encode(text).length;
/** Of a password: bcrypt. Caddy takes no other, and nginx this too. */
const PASSWORD_HASH = /^\$2[by]\$(?:0[4-9]|1[0-6])\$[./A-Za-z0-9]{53}$/;
const basicAuthSchema = z
  .strictObject({
    username: z
      .string()
      .min(1)
      .max(64)
      .regex(/^[A-Za-z0-9._@-]+$/, 'use letters, digits and . _ @ -'),
    password: z
      .string()
      .min(1)
      .refine((text) => byteLength(text) <= LIMITS.basic_auth_password_bytes_max, 'use at most 72 bytes')
      .optional()
      .meta({ description: 'hashed before it is kept; without it and without a hash, a user that there is keeps its own' }),
    password_hash: z.string().regex(PASSWORD_HASH, 'use a bcrypt hash such as $2b$10$…, as of `htpasswd -nB`').optional(),
  })
  .superRefine(({ password, password_hash }, context) => {
    if (password !== undefined && password_hash !== undefined)
      context.addIssue({ code: 'custom', path: ['password'], message: 'give the password or its hash, one of the two' });
  });

const targetShape = {
  app_name: appNameSchema.optional(),
  port: portSchema.optional().meta({ description: 'of a program on this host that is not an app, at 127.0.0.1' }),
};

export const routePrefixSchema = z
  .strictObject({
    path: pathSchema.refine((path) => !/^\/+$/.test(path), 'the site itself serves /; use a path beneath it'),
    ...targetShape,
    strip: z.boolean().default(false).meta({ description: 'whether what serves it gets the path without the prefix' }),
  })
  .superRefine(({ app_name, port }, context) => {
    if ((app_name === undefined) === (port === undefined))
      context.addIssue({ code: 'custom', path: ['port'], message: 'name an app or a port, one of the two' });
  });

const isOnce = (values: readonly string[]) => new Set(values).size === values.length;
/** As the proxies compare it. */
function readPath(path: string): string {
  return (isReadable(path) ? decodeURIComponent(path) : path).replace(/\/{2,}/g, '/');
}

/** What is told and asked alike. */
const settingsShape = {
  www: z
    .enum(['off', 'add', 'remove'])
    .default('off')
    .meta({ description: 'add: the domain is redirected to www. with it. remove: www. with the domain is redirected to it' }),
  redirects: z
    .array(pathRedirectSchema)
    .max(LIMITS.route_redirects_max)
    .refine((redirects) => isOnce(redirects.map(({ from }) => readPath(from))), 'redirect each path once')
    .default([]),
  prefixes: z
    .array(routePrefixSchema)
    .max(LIMITS.route_prefixes_max)
    .refine((prefixes) => isOnce(prefixes.map(({ path }) => readPath(path).replace(/\/$/, ''))), 'name each prefix once')
    .default([]),
  headers: z
    .record(headerNameSchema, headerValueSchema)
    .refine(
      (headers) => Object.keys(headers).length <= LIMITS.route_headers_max,
      `use at most ${LIMITS.route_headers_max} headers`,
    )
    .refine((headers) => isOnce(Object.keys(headers).map((name) => name.toLowerCase())), 'name each header once, in one case')
    .default({})
    .meta({ description: "of every answer, in place of the app's own of that name" }),
  body_bytes_max: whole(1, 1024 ** 4)
    .nullable()
    .default(null)
    .meta({ description: 'null: the app decides' }),
  compression: z.boolean().default(false),
};

/** Of an app: everything is as it says here, so what is left out goes back to its default. */
export const proxyRouteRequestSchema = z
  .strictObject({
    domain: domainNameSchema.optional().meta({ description: 'may be left out for an app' }),
    ...targetShape,
    proxy_type: proxyTypeSchema.optional().meta({ description: 'of a route to a port; default: `proxy.default` of the daemon' }),
    tls: tlsModeSchema
      .optional()
      .meta({ description: 'of a route to a port; default: auto, or off for names no authority certifies' }),
    aliases: z.array(domainNameSchema).max(LIMITS.domains_max).default([]).meta({ description: 'of a route to a port' }),
    ...settingsShape,
    basic_auth: z
      .array(basicAuthSchema)
      .max(LIMITS.basic_auth_users_max)
      .refine((users) => isOnce(users.map(({ username }) => username)), 'name each user once')
      .default([]),
    maintenance: z
      .strictObject({
        message: z.string().max(LIMITS.maintenance_message_max).regex(PATTERNS.printable, PATTERNS.printable_message),
      })
      .nullable()
      .default(null)
      .meta({ description: 'of a route to a port; apps have an endpoint of their own for it' }),
  })
  .superRefine(({ app_name, port, domain, proxy_type, tls, aliases, maintenance, redirects }, context) => {
    const complain = (field: string, message: string) => context.addIssue({ code: 'custom', path: field.split('.'), message });
    for (const [index, { from, to }] of redirects.entries()) {
      if (to.replace(/[?#].*$/, '') === from) complain(`redirects.${index}.to`, 'it would lead back to itself for ever');
    }
    for (const [index, alias] of aliases.entries())
      if (alias === domain || aliases.indexOf(alias) < index)
        complain(`aliases.${index}`, `${alias} is named twice; name it once`);
    if ((app_name === undefined) === (port === undefined))
      complain(app_name === undefined ? 'app_name' : 'port', 'name an app or a port, one of the two');
    if (port !== undefined && domain === undefined) complain('domain', 'name the domain of the route');
    if (port !== undefined && tls !== undefined && isHttps(tls) && [domain ?? '', ...aliases].some((name) => !name.includes('.')))
      complain('tls', 'no site has a certificate for a name without a dot; use tls off, or a full name such as shop.example.com');
    if (app_name === undefined) return;
    const kept = "is part of the app's configuration; change it by a deploy";
    if (proxy_type !== undefined) complain('proxy_type', `the proxy ${kept}`);
    if (tls !== undefined) complain('tls', `TLS ${kept}`);
    if (aliases.length > 0) complain('aliases', `an alias ${kept}`);
    if (maintenance !== null) complain('maintenance', 'use the maintenance of the app itself');
  })
  .meta({ id: 'ProxyRoute' });
export type ProxyRouteRequest = z.infer<typeof proxyRouteRequestSchema>;
/** What the caller may leave to defaults. */
export type ProxyRouteRequestInput = z.input<typeof proxyRouteRequestSchema>;

export const proxyRouteSchema = z
  .strictObject({
    domain: z.string().meta({ description: 'empty: of an app that has none any more' }),
    app_name: z.string().nullable(),
    port: portSchema.nullable(),
    proxy_type: proxyTypeSchema,
    tls: tlsModeSchema,
    aliases: z.array(z.string()),
    ...settingsShape,
    basic_auth: z.array(z.strictObject({ username: z.string() })).meta({ description: 'never their passwords or hashes' }),
    maintenance: z.strictObject({ message: z.string() }).nullable(),
    is_served: z.boolean().meta({ description: 'read back from the proxy: it runs with this very route' }),
    detail: z.string().meta({
      description: 'what differs, or that nothing listens on its port, in one sentence; empty where there is nothing to say',
    }),
  })
  .meta({ id: 'ServedRoute' });
export type ProxyRoute = z.infer<typeof proxyRouteSchema>;
