/** `/etc/nextdeploy/config.yml`: what it may say, and every default. */
import { parse } from 'yaml';
import { z } from 'zod';
import { DAEMON_PORT, DAEMON_SOCKET_PATH, DEFAULTS, LIMITS } from './contract/limits.ts';
import { isLoopback } from './contract/rules.ts';
import { parseSubnet } from './engine/slots.ts';
import { Sealed } from './secrets/sealed.ts';

const path = z.string().regex(/^\/[A-Za-z0-9._/-]*$/, 'use an absolute path of letters, digits and . _ -');
const port = z.number().int().min(1).max(65_535);

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
  proxy: z
    .strictObject({
      caddy: z
        .strictObject({
          directory: path.default('/etc/caddy/nextdeploy'),
          caddyfile: path.default('/etc/caddy/Caddyfile'),
          admin: z
            .string()
            .regex(/^[a-z0-9.-]+:\d{1,5}$/, 'use host:port, such as localhost:2019')
            .default('localhost:2019'),
          service: z
            .string()
            .regex(/^[A-Za-z0-9@._-]+$/)
            .default('caddy'),
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
