/** The part of `npm run chaos` that every test run has time for; the rest, and both phases of each kill, is in the program. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { sharedBed } from '../bed/shared.ts';
import { FAULTS, runFault } from './catalogue.ts';
import { installKiller, type KillOrder } from './killer.ts';
import { killAtEveryWrite } from './kills.ts';
import { PROXY_NAMES, type Stage } from './stage.ts';
import { VICTIMS } from './victims.ts';
import { purge, type World, worldOf } from './world.ts';

const KILLS_MS_MAX = 300_000;
const FAULT_MS_MAX = 120_000;

let stage: Stage;

beforeAll(async () => {
  const { bed, client, images } = await sharedBed();
  stage = { bed, client, images, signal: new AbortController().signal, say: () => undefined };
});

afterAll(() => stage?.client.close());

describe('a daemon that is killed', () => {
  // All writes once; and on the other side of them those about the switch, where a mistake would be seen.
  const cases = [
    { phase: 'before', proxy: 'caddy', which: /./, at_least: 11 },
    { phase: 'after', proxy: 'nginx', which: /probe|switch|verify|drain/, at_least: 4 },
  ] as const satisfies { phase: KillOrder['phase']; proxy: World['site']['proxy']; which: RegExp; at_least: number }[];
  let killer: { remove(): Promise<void> } | undefined;

  beforeAll(async () => {
    killer = await installKiller(stage);
  });
  afterAll(() => killer?.remove());
  afterEach(async () => {
    for (const proxy of PROXY_NAMES) await purge(worldOf(stage, proxy));
  });

  it.each(cases)(
    '$phase a write of a swap behind $proxy finishes it when it is back, in time, losing no request and leaving nothing',
    async ({ phase, proxy, which, at_least }) => {
      const world = worldOf(stage, proxy);
      const victim = { ...VICTIMS.kill_swap(world), isOfInterest: (write: string) => which.test(write) };
      const { kills, failed, problems } = await killAtEveryWrite(world, victim, [phase]);
      expect(problems).toEqual([]);
      expect(failed).toBe(0);
      // validate, pull, create, start, probe, switch, verify, drain, retire, its begin and its end.
      expect(kills).toBeGreaterThanOrEqual(at_least);
    },
    KILLS_MS_MAX,
  );
});

describe('during a swap under load', () => {
  it.each([
    ['docker_restart', 'caddy'],
    ['oom_watched', 'nginx'],
    ['image_removed', 'nginx'],
  ] as const)(
    'the fault %s behind %s costs no more than it may',
    async (name, proxy) => {
      const fault = FAULTS.find((candidate) => candidate.name === name);
      if (fault === undefined) throw new Error(`there is no fault ${name}`);
      const { ok, observed } = await runFault(worldOf(stage, proxy), fault);
      expect({ ok, observed }).toEqual({ ok: true, observed: expect.any(String) });
    },
    FAULT_MS_MAX,
  );
});
