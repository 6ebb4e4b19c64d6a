/** `/etc/nextdeploy/config.yml`: what it may say, and every default. */
import { parse } from 'yaml';
import { z } from 'zod';
import { DAEMON_PORT, DAEMON_SOCKET_PATH, DEFAULTS, LIMITS } from './contract/limits.ts';
import { proxyTypeSchema } from './contract/names.ts';
import { isLoopback } from './contract/rules.ts';
import { parseSubnet } from './engine/slots.ts';
import { Sealed } from './secrets/sealed.ts';

const path = z.string().regex(/^\/[A-Za-z0-9._/-]*$/, 'use an absolute path of letters, digits and . _ -');
const port = z.number().int().min(1).max(65_535);
/** Of systemd. */
const unit = z.string().regex(/^[A-Za-z0-9@._-]+$/, 'use the name of a systemd unit');
const directory = path
  .refine((text) => !text.split('/').includes('..'), 'use a path without ..')
  .refine((text) => text !== '/', 'the whole host is no directory for containers');

const subnet = z.string().superRefine((text, context) => {
  try {
    parseSubnet(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
  }
});

const configSchema = z.strictObject({
  auth: z.strictObject({
    token: z
      .string()
      .min(
        LIMITS.token_characters_min,
        `use at least ${LIMITS.token_characters_min} characters, as from \`openssl rand -hex 32\``,
      )
      .transform((token) => new Sealed(token)),
  }),
  listen: z
    .strictObject({
      socket: path.default(DAEMON_SOCKET_PATH),
      host: z
        .string()
        .refine(isLoopback, 'only a loopback address such as 127.0.0.1: the API is reached over SSH and never listens publicly')
        .default('127.0.0.1'),
      port: port.default(DAEMON_PORT),
    })
    .prefault({}),
  state_directory: path.default('/var/lib/nextdeploy'),
  docker: z
    .strictObject({
      socket: path.default('/var/run/docker.sock'),
      network: z
        .strictObject({
          name: z
            .string()
            .regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/)
            .default(DEFAULTS.network_name),
          subnet: subnet.default(DEFAULTS.network_subnet),
        })
        .prefault({}),
    })
    .prefault({}),
  secrets: z
    .strictObject({
      /** What is read of the database is read with it alone. */
      master_key_file: path.default('/etc/nextdeploy/master.key'),
      /** On a tmpfs: of containers whose secrets are files. */
      files_directory: directory.default('/run/nextdeploy-secrets'),
      /** Files that are encrypted with age are read beneath these alone. */
      age_directories: z.array(directory).default(['/etc/nextdeploy/age']),
    })
    .prefault({}),
  certificates: z
    .strictObject({
      /** `DOMAIN.crt` and `DOMAIN.key` of each name: imported ones, and those that certbot has obtained for nginx. */
      directory: directory.default('/etc/nextdeploy/certs'),
      /** certbot's webroot: nginx answers the challenges of an authority from it. */
      challenge_directory: directory.default('/var/lib/nextdeploy/acme'),
      /** Of an authority other than the proxy's default, RFC 8555 §7.1.1. */
      acme_directory: z
        .string()
        .regex(/^https:\/\/[A-Za-z0-9.:[\]/_~%-]+$/, 'use the https URL of an ACME directory')
        .optional(),
      /** PEM: whom to trust when talking to that authority, where the host does not. The proxy's user must be able to read it. */
      acme_ca_root: directory.optional(),
      /** The authority's address for warnings. */
      email: z
        .string()
        .regex(/^[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+$/, 'use an e-mail address')
        .optional(),
    })
    .prefault({}),
  volumes: z
    .strictObject({
      /** Containers are given directories of the host beneath these alone. */
      bind_roots: z.array(directory).default([]),
    })
    .prefault({}),
  retention: z
    .strictObject({
      /** Of each app, the live one aside. */
      releases: z.number().int().min(1).max(1_000).default(DEFAULTS.releases_kept),
      /** Of Docker's disk. 0: no limit. */
      disk_free_percent: z.number().min(0).max(90).default(DEFAULTS.disk_free_percent_min),
    })
    .prefault({}),
  proxy: z
    .strictObject({
      /** Of an app whose deploy names none. */
      default: proxyTypeSchema.default('caddy'),
      caddy: z
        .strictObject({
          directory: path.default('/etc/caddy/nextdeploy'),
          caddyfile: path.default('/etc/caddy/Caddyfile'),
          admin: z
            .string()
            .regex(/^[a-z0-9.-]+:\d{1,5}$/, 'use host:port, such as localhost:2019')
            .default('localhost:2019'),
          service: unit.default('caddy'),
          http_port: port.default(80),
          https_port: port.default(443),
        })
        .prefault({}),
      nginx: z
        .strictObject({
          directory: path.default('/etc/nginx/nextdeploy'),
          service: unit.default('nginx'),
          http_port: port.default(80),
          https_port: port.default(443),
        })
        .prefault({}),
    })
    .prefault({}),
});
export type Config = z.output<typeof configSchema>;

/** A configuration that cannot be used; the message names the file and each field. */
export class ConfigError extends Error {}

/** `text` null: there is no such file. Throws {@link ConfigError}. */
export function parseConfig(text: string | null, file: string): Config {
  if (text === null) throw new ConfigError(`${file}: there is no such file. It needs at least \`auth: { token: … }\`.`);
  const parsed = configSchema.safeParse(parseYaml(text, file) ?? {});
  if (parsed.success) return parsed.data;
  const complaints = parsed.error.issues.map((issue) => {
    const unknown = issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key].join('.')) : [];
    return unknown.length > 0 ? `${unknown.join(', ')}: unknown` : `${issue.path.join('.') || '(whole file)'}: ${issue.message}`;
  });
  throw new ConfigError(`${file}: ${complaints.join('; ')}`);
}

function parseYaml(text: string, file: string): unknown {
  try {
    return parse(text, { maxAliasCount: 10 });
  } catch (error) {
    // The first line says where; what follows quotes the file, which holds the token.
    const first = error instanceof Error ? error.message.split('\n')[0] : 'not YAML';
    throw new ConfigError(`${file}: ${first}`);
  }
}
