/** The short run of `npm run fuzz`: the real process without Docker and proxy. The same cases in each run, and as many others. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { caseOf } from './cases.ts';
import type { Finding } from './fuzzer.ts';
import { fuzz } from './run.ts';
import { startLocalTarget } from './target.ts';

const REQUESTS = 2_500;
/** Where it is not yet warm; the long run judges more strictly. */
const MEMORY_TOLERANCE = { units: 32 * 1_024, percent: 25 };

let target: Awaited<ReturnType<typeof startLocalTarget>>;
beforeAll(async () => {
  target = await startLocalTarget(3);
}, 60_000);
afterAll(() => target.close(), 30_000);

describe('nextdeployd', () => {
  it.each([
    ['the same', 20_260_101],
    ['new', Date.now() % 2 ** 31],
  ])(
    'neither crashes nor fails nor changes anything under %s requests of seed %i',
    { timeout: 360_000 },
    async (_which, seed) => {
      const told: string[] = [];
      const onFinding = ({ fault, detail, cases }: Finding) => {
        told.push(
          `${fault}: ${detail}\n${cases.length} cases from ${cases[0]?.id} on: ${JSON.stringify(cases[0]).slice(0, 2_000)}`,
        );
      };
      const { figures } = await fuzz(target, {
        make: (index) => caseOf(seed, index),
        requests: REQUESTS,
        memory_tolerance: MEMORY_TOLERANCE,
        say: () => undefined,
        onFinding,
      });
      expect(told).toEqual([]);
      expect(figures.filter(({ ok }) => !ok)).toEqual([]);
      expect(figures.find(({ name }) => name === 'fuzz.requests')?.value).toBe(REQUESTS);
    },
  );
});
