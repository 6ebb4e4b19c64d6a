/** What a deploy of an app that is there starts from, and how it departs from it. */
import type { DaemonClient } from '../api/client.ts';
import { compareConfigurations, type Difference } from '../contract/compare.ts';
import {
  type AppConfiguration,
  appConfigurationSchema,
  configurationOf,
  deployRequestSchema,
} from '../contract/configuration.ts';
import { DomainError } from '../contract/errors.ts';
import { appNameSchema } from '../contract/names.ts';
import type { NextCoreMetadata } from '../contract/nextcore.ts';
import type { RouteBodyInput } from '../contract/routes.ts';
import { differenceLines, summaryOf } from './differences.ts';

export interface Base {
  release: string;
  image: string;
  /** The live release's, with as many replicas as the app has now. */
  configuration: AppConfiguration;
  nextcore: NextCoreMetadata | null;
}

/** Null for an app that is not there, or never went live. */
export async function findBase(client: DaemonClient, app: string): Promise<Base | null> {
  // A name that cannot be is left to the request itself, whose refusal names the field.
  if (!appNameSchema.safeParse(app).success) return null;
  try {
    const { release, replicas_wanted } = await client.call('getAppStatus', { params: { name: app } });
    if (release === null) return null;
    const { image, configuration, nextcore } = await client.call('getRelease', { params: { name: app, id: release } });
    return { release, image, configuration: { ...configuration, replicas: replicas_wanted }, nextcore };
  } catch (error) {
    if (error instanceof DomainError && error.code === 'not_found') return null;
    throw error;
  }
}

/**
 * What of the live release is kept (defaults go unsaid), then a line for each change. No variable's value is in it.
 * Null for a request that the daemon will refuse, and say why. Pure.
 */
export function describeChange(base: Base, body: RouteBodyInput<'deploy'>): string[] | null {
  const request = deployRequestSchema.safeParse(body);
  if (!request.success) return null;
  const before = base.configuration;
  const after = configurationOf(request.data, before);
  const { image, app_name } = request.data;
  const changes: Difference[] = [
    ...(image === base.image ? [] : [{ field: 'image', from: base.image, to: image }]),
    ...compareConfigurations(before, after),
  ];
  const changed = new Set(changes.map(({ field }) => field));
  const plain = appConfigurationSchema.parse({});
  const kept = summaryOf(compareConfigurations(plain, after).filter(({ field }) => !changed.has(field)));
  return [
    `${app_name} starts from ${base.release} and keeps ${kept === '' ? 'its defaults' : kept}.`,
    ...(changes.length === 0 ? ['Nothing changes.'] : ['It changes:', ...differenceLines(changes)]),
  ];
}
