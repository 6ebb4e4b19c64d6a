/** Logins to registries, as Docker takes them and as `docker login` keeps them (config.json of docker/cli). */
import { z } from 'zod';
import type { RegistryCredentials } from '../../engine/ports.ts';
import { Sealed } from '../../secrets/sealed.ts';
import { readTextIfThere } from '../files.ts';

/** What is sent as X-Registry-Auth; it is secret as a whole. */
export interface RegistryAuth {
  username: string;
  password: string;
  serveraddress: string;
}

const DOCKER_HUB = 'https://index.docker.io/v1/';

const fileSchema = z.object({ auths: z.record(z.string(), z.object({ auth: z.string().optional() })).optional() });

export function registryAuth({ username, password }: RegistryCredentials, host: string): RegistryAuth {
  return { username, password: password.open(), serveraddress: host === 'docker.io' ? DOCKER_HUB : host };
}

/** Every form in which these credentials may appear in a text. */
export function secretsOf({ username, password }: RegistryCredentials): string[] {
  const value = password.open();
  return [value, encodeURIComponent(value), Buffer.from(`${username}:${value}`).toString('base64')];
}

/**
 * What `docker login` on this host stored for a registry; null when there is nothing, nothing to be read, or it is with a credential helper.
 * Read each time and kept nowhere.
 */
export async function readHostLogin(file: string, host: string): Promise<RegistryCredentials | null> {
  const text = await readTextIfThere(file).catch(() => null);
  return text === null ? null : findLogin(text, host);
}

/** Pure. */
export function findLogin(text: string, host: string): RegistryCredentials | null {
  const auths = parseFile(text)?.auths ?? {};
  const [entry] = Object.entries(auths).flatMap(([key, value]) => (hostOf(key) === host && value.auth ? [value.auth] : []));
  const [, username, password] = /^([^:]+):(.+)$/s.exec(Buffer.from(entry ?? '', 'base64').toString('utf8')) ?? [];
  return username && password ? { username, password: new Sealed(password.replace(/\0+$/, '')) } : null;
}

function parseFile(text: string): z.infer<typeof fileSchema> | null {
  try {
    return fileSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

/** Old clients wrote addresses: `https://registry.example.com/v1/`. */
function hostOf(key: string): string {
  const host = key.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  return /^(index|registry-1)\.docker\.io$/.test(host) ? 'docker.io' : host;
}
