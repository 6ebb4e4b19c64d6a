import { describe, expect, it } from 'vitest';
import { StepFailure } from './saga.ts';
import type { StepOf } from './steps.ts';
import { signal } from './test-engine.ts';
import { ModelWorld } from './test-world.ts';
import { validate } from './validate.ts';

const STEP: StepOf<'validate'> = {
  name: 'validate',
  on_failure: 'unwind',
  app_name: 'shop',
  domains: [],
  route: null,
  proxies: [],
  image: { reference: 'shop:v1', pinned_image_id: null, pull: 'missing' },
  volumes: [],
  networks: [],
  has_credentials: false,
};

/** A disk on which nothing could be freed. `isHere`: the image is on the host, so that nothing is pulled. */
function validateWith(freePercent: number, { isHere = false, hasRoom = false } = {}): Promise<unknown> {
  const world = new ModelWorld();
  const { images, proxies, resources } = world.ports();
  const parts = {
    proxies,
    images: { ...images, check: async () => (isHere ? 'sha256:1' : null) },
    resources: { ...resources, dockerDisk: async () => ({ total_bytes: 1_000, available_bytes: 10 * freePercent }) },
  };
  const journal = { listApps: () => [], listPortRoutes: () => [] };
  const context = { world: parts, journal, makeRoom: async () => hasRoom, credentials: null, signal };
  return validate(STEP, context).catch((error: unknown) => error);
}

describe('validate', () => {
  it('refuses to pull to a disk that is almost full, with the field and what to do', async () => {
    const refused = await validateWith(4);
    expect(refused).toBeInstanceOf(StepFailure);
    expect(refused).toMatchObject({
      field: 'image',
      message: "Docker's disk is almost full (4.0 % free), so nothing is pulled; remove images or old releases, or enlarge it.",
    });
  });

  it.each([
    ['there is some room, though less than retention keeps free', 7, {}],
    ['retention has made room', 4, { hasRoom: true }],
    ['the image is on the host already', 4, { isHere: true }],
  ])('goes on when %s', async (_, freePercent, changes) => {
    expect(await validateWith(freePercent, changes)).toBeUndefined();
  });
});
