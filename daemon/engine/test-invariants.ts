/** What holds of a server on which no operation runs. */
import { expect } from 'vitest';
import { wantedMarker } from './plan.ts';
import { isSameRoute, routeOf } from './routing.ts';
import { filledRoute } from './served-routes.ts';
import { containerName, replicaNames, slotAddress } from './slots.ts';
import type { AppRecord } from './state.ts';
import { APPS } from './test-commands.ts';
import { SETTINGS } from './test-engine.ts';
import { asKept, type ModelHost } from './test-host.ts';

const EVERYTHING = Number.MAX_SAFE_INTEGER;

export async function checkAtRest(host: ModelHost): Promise<void> {
  const { world, journal, foreign } = host;
  expect(journal.listOperations({ state: 'running', limit: EVERYTHING })).toEqual([]);
  for (const app of APPS) {
    const record = journal.getApp(app);
    if (!host.untidy.has(app)) checkContainers(host, app, record);
    if (!host.untidy.has(app)) checkMarker(host, app, record);
    checkRoutes(host, app, record);
    checkReleases(host, app, record);
    const isOdd = host.untidy.has(app) || host.lostMarkers.has(app);
    if (!isOdd) expect(world.state.pages.has(app)).toBe((record?.maintenance ?? null) !== null);
  }
  const addresses = [...world.state.containers.values()].flatMap(({ spec }) => spec.address ?? []);
  expect(new Set(addresses).size).toBe(addresses.length);
  for (const [name, { spec, is_running }] of foreign) {
    expect(world.state.containers.get(name)).toMatchObject({ spec, is_running });
  }
  expect(world.commands).toEqual([...new Set(world.commands)]);
  if (host.lostMarkers.size + host.untidy.size === 0) await checkRecoveryChangesNothing(host);
}

function checkContainers({ world, damaged, stuck }: ModelHost, app: string, record: AppRecord | null): void {
  const ours = [...world.state.containers].filter(([, { spec }]) => spec.app_name === app);
  const names = ours.map(([name]) => name).toSorted((a, b) => a.localeCompare(b));
  const isLive = record !== null && record.slot !== null && record.wanted === 'running';
  const expected = isLive ? replicaNames(record.name, record.slot!, record.replicas) : []; // just checked
  if (damaged.has(app) || stuck.has(app)) expect(expected).toEqual(expect.arrayContaining(names));
  else {
    expect(names).toEqual(expected);
    for (const [name, { is_running, is_kept }] of ours)
      expect({ name, is_running, is_kept }).toEqual({ name, is_running: true, is_kept: true });
  }
  for (const [name, { spec }] of ours) {
    const replica = expected.indexOf(name);
    const { slot } = spec;
    expect(spec.release).toBe(record?.release);
    expect(name).toBe(containerName(app, slot, replica));
    expect(spec.address).toBe(slotAddress(SETTINGS.subnet, record?.index ?? 0, slot, replica));
  }
}

function checkMarker({ world, lostMarkers, stuck }: ModelHost, app: string, record: AppRecord | null): void {
  if (lostMarkers.has(app)) return;
  // A first deploy may have left its route, which needs a marker.
  if (stuck.has(app) && record?.release === null) return;
  expect({ app, marker: world.state.markers.get(app) ?? null }).toEqual({ app, marker: record && wantedMarker(record) });
}

function checkRoutes({ world, journal, stuck, untidy }: ModelHost, app: string, record: AppRecord | null): void {
  if (untidy.has(app)) return;
  const live = record?.release ? journal.getRelease(app, record.release) : null;
  const wanted = record && live ? routeOf(record, live.configuration, record.replicas, SETTINGS) : null;
  const kept = record?.route ?? null;
  const isSame = isSameRoute(kept, wanted) || stuck.has(app);
  expect({ kept, isSame }).toEqual({ kept, isSame: true });
  const served = [...world.state.routes].filter(([, { app_name }]) => app_name === app);
  expect(served.map(([key, route]) => [key, asKept(route)])).toEqual(kept === null ? [] : [[`${kept.proxy} ${app}`, kept]]);
}

function checkReleases({ journal }: ModelHost, app: string, record: AppRecord | null): void {
  const releases = journal.listReleases(app, EVERYTHING);
  const ids = (state: string) => releases.filter((release) => release.state === state).map(({ id }) => id);
  expect({ live: ids('live'), pending: ids('pending') }).toEqual({ live: record?.release ? [record.release] : [], pending: [] });
}

async function checkRecoveryChangesNothing(host: ModelHost): Promise<void> {
  const effects: string[] = [];
  const isBehind = findBehind(host).length > 0;
  host.world.hook = (effect) => void effects.push(effect);
  const before = structuredClone(host.world.state);
  await host.restartDaemon();
  host.world.hook = () => undefined;
  // A proxy is told what it should know already.
  const isMeant = (effect: string) =>
    (effect === 'route' && (isBehind || host.isEverStuck)) || (effect === 'writePage' && host.isEverStuck);
  expect(effects.filter((effect) => !isMeant(effect))).toEqual([]);
  expect(findBehind(host)).toEqual([]);
  const { routes, ...rest } = host.world.state;
  const { routes: routesBefore, ...restBefore } = before;
  expect(rest).toEqual(restBefore);
  const kept = (all: typeof routes) => [...all].map(([key, route]) => [key, asKept(route)]);
  expect(kept(routes)).toEqual(kept(routesBefore));
}

/** Routes with a prefix to where an app is not: what took a switch back could not tell the proxy of it. */
function findBehind({ world, journal }: ModelHost): string[] {
  const routes = [...world.state.routes];
  return routes.flatMap(([key, route]) => (isSameRoute(route, filledRoute(route, journal, SETTINGS)) ? [] : [key]));
}
