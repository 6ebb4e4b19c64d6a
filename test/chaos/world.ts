/** The app that the faults are about, and what is done with it. */
import { get } from 'node:http';
import type { Operation } from '../../daemon/contract/domain.ts';
import type { ProxyType } from '../../daemon/contract/names.ts';
import type { RouteBodyInput } from '../../daemon/contract/routes.ts';
import { addressOf, type Site } from './load.ts';
import { APP_PREFIX } from './remains.ts';
import type { Stage } from './stage.ts';

export interface World {
  stage: Stage;
  app: string;
  site: Site;
}

export type Deploy = Omit<RouteBodyInput<'deploy'>, 'app_name' | 'image' | 'domain' | 'proxy'>;

/** Short in all things, so that tens of cases take minutes. */
const QUICK = {
  health: { kind: 'http', path: '/api/health', deadline_ms: 10_000, interval_ms: 100 },
  drain_ms: 300,
  watch_ms: 0,
  stop_timeout_ms: 2_000,
  tls: 'off',
} as const satisfies Deploy;

export function worldOf(stage: Stage, proxy: ProxyType): World {
  return { stage, app: `${APP_PREFIX}${proxy}`, site: { proxy, domain: `${proxy}.chaos.test` } };
}

/** Another app on the same proxy. */
export function neighbourOf(world: World): World {
  const { app, site } = world;
  return { ...world, app: `${app}-near`, site: { ...site, domain: `near.${site.domain}` } };
}

/** Deploys `image` and waits for its end. @throws DomainError when it does not succeed */
export function deploy(world: World, image: string, more: Deploy = {}): Promise<Operation> {
  return world.stage.client.call('deploy', { body: deployBody(world, image, more), query: { wait: '1' } });
}

export function deployBody({ app, site }: World, image: string, more: Deploy = {}): RouteBodyInput<'deploy'> {
  return { ...QUICK, ...more, app_name: app, image, ...site };
}

/** Removes the app with everything that belongs to it; fine when there is none. */
export async function purge({ stage, app }: World): Promise<void> {
  const isThere = (await stage.client.call('listApps')).some(({ name }) => name === app);
  if (isThere) await stage.client.call('removeApp', { params: { name: app }, query: { wait: '1', purge: '1' } });
}

/** The image that is not live. */
export async function otherImage({ stage, app }: World): Promise<string> {
  const { version } = await stage.client.call('getAppStatus', { params: { name: app } });
  return version === stage.images.v1 ? stage.images.v2 : stage.images.v1;
}

/** @throws DomainError when it does not succeed */
export async function swapToOther(world: World): Promise<Operation> {
  const image = await otherImage(world);
  return world.stage.client.call('swap', { body: { app_name: world.app, image }, query: { wait: '1' } });
}

/** What answers to a visitor: `v1`, `v2`, or the start of something else. */
export function answeringVersion({ stage, site }: World): Promise<string> {
  return new Promise((resolve, reject) => {
    const url = addressOf(stage.bed, site.proxy);
    const request = get(url, { headers: { host: site.domain }, agent: false, timeout: 5_000 }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (body += chunk));
      response.on('end', () => resolve(body.trim().slice(0, 40)));
      response.on('error', reject);
    });
    request.on('timeout', () => request.destroy(new Error('no answer within 5 s')));
    request.on('error', reject);
  });
}

/** The site must answer with the release that is said to be live; fine when there is no app. */
export async function wrongAnswers(world: World): Promise<string[]> {
  const app = (await world.stage.client.call('listApps')).find(({ name }) => name === world.app);
  if (app === undefined) return [];
  const version = await answeringVersion(world);
  return app.version.endsWith(`:${version}`) ? [] : [`${version} answers while ${app.version} is said to be live`];
}
