/** The console's list of hosts and its settings, kept as files under the data directory. Holds no secrets. */
import { join } from 'node:path';
import { z } from 'zod';
import { hostSchema, type Settings, settingsSchema } from '../../preload/contract.ts';
import { JsonFile } from './json-file.ts';

/** A host without what is known of it only while the console runs. */
const storedHostSchema = hostSchema.omit({ connection: true, daemon: true });
export type StoredHost = z.infer<typeof storedHostSchema>;

/** More than anybody looks after from one console; a bound. */
export const HOSTS_MAX = 500;

const hostsFileSchema = z.strictObject({ version: z.literal(1), hosts: z.array(storedHostSchema).max(HOSTS_MAX) });
const settingsFileSchema = z.strictObject({ version: z.literal(1), settings: settingsSchema });

export function hostsFile(dataDirectory: string): JsonFile<z.infer<typeof hostsFileSchema>> {
  return new JsonFile(join(dataDirectory, 'hosts.json'), hostsFileSchema, { version: 1, hosts: [] });
}

const INITIAL_SETTINGS: Settings = { color_scheme: 'auto' };

export function settingsFile(dataDirectory: string): JsonFile<z.infer<typeof settingsFileSchema>> {
  return new JsonFile(join(dataDirectory, 'settings.json'), settingsFileSchema, { version: 1, settings: INITIAL_SETTINGS });
}
