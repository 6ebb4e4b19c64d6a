import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { appConfigurationSchema } from '../contract/configuration.ts';
import type { Image, Release, ReleaseState } from '../contract/domain.ts';
import { previousRelease } from '../contract/rules.ts';
import { planRetention, type RetentionPlan, type RetentionSettings, type RetentionSight } from './retention-plan.ts';
import type { StepRecord } from './state.ts';

const CONFIGURATION = appConfigurationSchema.parse({});
const SETTINGS: RetentionSettings = { releases_kept: 2, disk_free_percent_min: 10 };
const AT = '2026-01-05T00:00:00.000Z';
const FULL = { total_bytes: 1_000, available_bytes: 50 };

function release(app_name: string, number: number, state: ReleaseState, content: string, tag = content): Release {
  const image = { image: `${app_name}:${tag}`, image_id: content === '' ? '' : `sha256:${content}`, nextcore: null };
  const made = {
    created_at: new Date(Date.UTC(2026, 0, number)).toISOString(),
    created_by: 'admin',
    operation_id: 'op-00000001',
  };
  return {
    id: `r${number}`,
    app_name,
    state,
    configuration: CONFIGURATION,
    secrets: [],
    ...image,
    ...made,
    ended_at: null,
    end_reason: null,
  };
}

const image = (content: string, ...references: string[]): Image => {
  return { id: `sha256:${content}`, references, size_bytes: 1, created_at: '2026-01-01T00:00:00.000Z' };
};

function sightOf(releases: readonly Release[], images: readonly Image[], changes: Partial<RetentionSight> = {}): RetentionSight {
  const names = [...new Set(releases.map(({ app_name }) => app_name))];
  const live = (name: string) => releases.find((one) => one.app_name === name && one.state === 'live')?.id ?? null;
  const apps = names.map((name) => ({ name, release: live(name) }));
  return { releases, removed: [], apps, images, operations: [], arrivals: [], containers: [], disk: null, ...changes };
}

/** An operation that is to bring up this image. */
function bringing(reference: string, pinned_image_id: string | null, release: string | null = null) {
  const wish = { reference, pinned_image_id, pull: 'missing' as const };
  const step = {
    name: 'pull',
    on_failure: 'unwind',
    app_name: 'shop',
    release: 'r9',
    image: wish,
    has_credentials: false,
  } as const;
  const record: StepRecord = { step, state: 'running', undo: 'none', started_at: null, ended_at: null, detail: null, output: {} };
  return { app_name: 'shop', release, from_release: null, steps: [record] };
}

const pruned = ({ prune }: RetentionPlan) => prune.map(({ app_name, release: id }) => `${app_name} ${id}`);
const removed = ({ images }: RetentionPlan) => images.map(({ id }) => id.replace('sha256:', ''));

describe('retention by count', () => {
  const releases = [
    release('shop', 7, 'live', 'g'),
    release('shop', 6, 'standby', 'f'),
    release('shop', 5, 'standby', 'e'),
    release('shop', 4, 'failed', 'd'),
    release('shop', 3, 'standby', 'c'),
    release('shop', 2, 'pruned', 'b'),
    release('shop', 1, 'standby', 'a'),
  ];
  const images = [...'abcdefg'].map((content) => image(content, `shop:${content}`));

  it('keeps the live release and the newest ones that served, and removes the images of all others', () => {
    const plan = planRetention(sightOf(releases, images), SETTINGS);
    expect(pruned(plan)).toEqual(['shop r3', 'shop r1']);
    expect(removed(plan)).toEqual(['a', 'b', 'c', 'd']);
    expect(plan.images[0]).toEqual({ id: 'sha256:a', references: ['shop:a'] });
    expect(plan.prune[0]?.reason).toBe('it is not among the 2 newest that are kept');
  });

  it('keeps what a rollback goes to, however many newer ones there are', () => {
    const rolledBack = releases.map((one) => {
      const state: Partial<Record<string, ReleaseState>> = { r7: 'standby', r3: 'live' };
      return { ...one, state: state[one.id] ?? one.state };
    });
    const plan = planRetention(sightOf(rolledBack, images), { ...SETTINGS, releases_kept: 1 });
    expect(pruned(plan)).toEqual(['shop r6', 'shop r5']);
    expect(removed(plan)).not.toContain('a');
  });

  it('keeps an image that a kept release of another app shares', () => {
    const other = release('blog', 1, 'live', 'a', 'x');
    const shared = images.map((one) => (one.id === 'sha256:a' ? image('a', 'shop:a', 'blog:x') : one));
    expect(removed(planRetention(sightOf([...releases, other], shared), SETTINGS))).toEqual(['b', 'c', 'd']);
  });

  it('keeps the image of a deploy that failed until the next one: it is often deployed again', () => {
    const failed = [release('shop', 2, 'failed', 'b'), release('shop', 1, 'live', 'a')];
    expect(removed(planRetention(sightOf(failed, images), SETTINGS))).toEqual([]);
    expect(removed(planRetention(sightOf([release('shop', 3, 'failed', 'c'), ...failed], images), SETTINGS))).toEqual(['b']);
    expect(removed(planRetention(sightOf(failed, images, { disk: FULL }), SETTINGS))).toEqual(['b']);
  });

  it('keeps what an operation in flight needs, by release, by content and by name', () => {
    const removedWith = (...operations: RetentionSight['operations']) =>
      removed(planRetention(sightOf(releases, images, { operations }), SETTINGS));
    expect(removedWith({ ...bringing('elsewhere:1', null, 'r1') })).toEqual(['b', 'c', 'd']);
    expect(removedWith(bringing('elsewhere:1', 'sha256:b'))).toEqual(['a', 'c', 'd']);
    expect(removedWith(bringing('docker.io/library/shop:next', null))).toEqual([]);
  });

  it('keeps an image that a container of ours uses still', () => {
    const containers = [{ app_name: 'shop', release: 'r1' }];
    expect(removed(planRetention(sightOf(releases, images, { containers }), SETTINGS))).toEqual(['b', 'c', 'd']);
  });

  it('keeps an image that was just loaded, until the deploy that it was brought for has begun', () => {
    const at = (day: number) => new Date(Date.UTC(2026, 0, day, 1)).toISOString();
    const removedWith = (...arrivals: RetentionSight['arrivals']) =>
      removed(planRetention(sightOf(releases, images, { arrivals }), SETTINGS));
    expect(removedWith({ image_id: 'sha256:b', at: at(8) })).toEqual(['a', 'c', 'd']);
    expect(removedWith({ image_id: 'sha256:b', at: at(1) })).toEqual(['a', 'b', 'c', 'd']);
    expect(removedWith({ image_id: 'sha256:b', at: at(1) }, { image_id: 'sha256:b', at: at(2) })).toEqual(['a', 'c', 'd']);
  });

  it('leaves the releases of an app that it does not know as they are', () => {
    expect(planRetention(sightOf(releases, images, { apps: [] }), SETTINGS)).toEqual({
      prune: [],
      images: [],
    });
  });
});

describe('images of apps that were removed', () => {
  const removed = ['a', 'b', 'c'].map((content) => ({
    ...{ image_id: `sha256:${content}`, image: `gone:${content}` },
    removed_at: AT,
  }));
  const images = [
    image('a', 'gone:a'),
    image('b', 'gone:b', 'blog:v1'),
    image('c', 'gone:c', 'operator/tool:1'),
    image('d', 'redis:7'),
  ];
  const goes = (releases: readonly Release[], changes: Partial<RetentionSight> = {}) =>
    planRetention(sightOf(releases, images, { removed, ...changes }), SETTINGS).images;

  it('stay a while when they are loaded again, and not for having been loaded before', () => {
    const loadedAt = (at: string) => goes([], { arrivals: [{ image_id: 'sha256:a', at }] }).map(({ id }) => id);
    expect(loadedAt('2026-01-05T00:00:01.000Z')).toEqual([]);
    expect(loadedAt('2026-01-04T23:59:59.000Z')).toEqual(['sha256:a']);
  });

  it('go, unless another app keeps them or an operator has given them a name', () => {
    expect(goes([release('blog', 1, 'live', 'b', 'v1')])).toEqual([{ id: 'sha256:a', references: ['gone:a'] }]);
  });

  it('go with the names that all apps gave them', () => {
    const releases = [release('blog', 1, 'pruned', 'b', 'v1'), release('blog', 2, 'live', 'd')];
    expect(goes(releases).at(-1)).toEqual({ id: 'sha256:b', references: ['blog:v1', 'gone:b'] });
  });

  it('stay while an operation is about to use them', () => {
    expect(goes([], { operations: [bringing('gone:next', null)] })).toEqual([]);
  });
});

describe('the names of an image', () => {
  const old = (reference: string) => ({ ...release('shop', 1, 'pruned', 'a'), image: reference });
  const removedWith = (listed: string[], reference: string) =>
    removed(planRetention(sightOf([old(reference), release('shop', 2, 'live', 'b')], [image('a', ...listed)]), SETTINGS))
      .length === 1;

  it.each([
    ['docker.io/library/shop', 'shop:latest'],
    ['index.docker.io/acme/shop:v1', 'acme/shop:v1'],
    ['registry.test:5000/shop', 'registry.test:5000/shop:latest'],
    ['registry.test:5000/shop@sha256:1234', 'registry.test:5000/shop@sha256:1234'],
    ['shop:v1@sha256:1234', 'shop:v1'],
  ])('%s is what Docker lists as %s', (reference, listed) => {
    expect(removedWith([listed], reference)).toBe(true);
  });

  it.each([['shop:v2'], ['acme/shop:v1'], ['registry.test/shop:v1'], ['other@sha256:1234']])(
    'an operator’s own, such as %s, keep it',
    (listed) => {
      expect(removedWith(['shop:v1', listed], 'shop:v1')).toBe(false);
    },
  );

  it('need not be: one whose name a newer image has taken goes too', () => {
    expect(removedWith([], 'shop:v1')).toBe(true);
  });
});

describe('a disk that is nearly full', () => {
  const releases = [
    release('shop', 20, 'live', 'd'),
    release('shop', 12, 'standby', 'c'),
    release('shop', 11, 'standby', 'b'),
    release('blog', 9, 'live', 'z'),
    release('blog', 8, 'standby', 'y'),
    release('blog', 7, 'standby', 'x'),
  ];
  const images = ['b', 'c', 'd', 'x', 'y', 'z'].map((content) => image(content));

  it('costs the oldest image of all apps first, and never what a rollback goes to', () => {
    const gone: string[] = [];
    let sight = sightOf(releases, images, { disk: FULL });
    for (let plan = planRetention(sight, SETTINGS); plan.images.length > 0; plan = planRetention(sight, SETTINGS)) {
      gone.push(...removed(plan));
      expect(plan.prune[0]?.reason).toBe('the disk is nearly full');
      sight = carryOut(sight, plan);
    }
    expect(gone).toEqual(['x', 'b']);
  });

  it('costs nothing as long as something else can go', () => {
    const plan = planRetention(
      sightOf([...releases, release('blog', 1, 'failed', 'q')], [...images, image('q')], { disk: FULL }),
      SETTINGS,
    );
    expect([pruned(plan), removed(plan)]).toEqual([[], ['q']]);
  });
});

/** What is there once the plan has been carried out. */
function carryOut(sight: RetentionSight, plan: RetentionPlan): RetentionSight {
  const isPruned = (one: Release) => plan.prune.some(({ app_name, release: id }) => app_name === one.app_name && id === one.id);
  const releases = sight.releases.map((one) => (isPruned(one) ? { ...one, state: 'pruned' as const } : one));
  const gone = new Set(plan.images.map(({ id }) => id));
  return { ...sight, releases, images: sight.images.filter(({ id }) => !gone.has(id)) };
}

function exhaust(sight: RetentionSight, settings: RetentionSettings): { end: RetentionSight; plans: RetentionPlan[] } {
  const plans: RetentionPlan[] = [];
  let end = sight;
  for (let count = 0; count < 500; count += 1) {
    const plan = planRetention(end, settings);
    if (plan.prune.length === 0 && plan.images.length === 0) return { end, plans };
    plans.push(plan);
    end = carryOut(end, plan);
  }
  throw new Error('it does not come to an end');
}

describe('whatever is there', () => {
  const contents = [...'abcdefgh'];
  const state = fc.constantFrom<ReleaseState>('standby', 'standby', 'standby', 'failed', 'pruned', 'pending');
  const appOf = (name: string) =>
    fc
      .tuple(fc.array(fc.tuple(state, fc.constantFrom(...contents, '')), { maxLength: 12 }), fc.nat({ max: 12 }))
      .map(([made, live]) =>
        made.map(([its, content], index) => release(name, index + 1, index === live ? 'live' : its, content)),
      );
  const foreign = fc.array(fc.constantFrom('operator/tool:1', 'shop:mine', 'redis:7'), { maxLength: 2 });
  const host = fc
    .record({
      shop: appOf('shop'),
      blog: appOf('blog'),
      tags: fc.array(foreign, { minLength: contents.length, maxLength: contents.length }),
      there: fc.subarray(contents),
      strangers: fc.subarray(['s1', 's2']),
      former: fc.subarray(contents),
      used: fc.array(fc.tuple(fc.constantFrom('shop', 'blog'), fc.integer({ min: 1, max: 12 })), { maxLength: 2 }),
      flying: fc.option(fc.tuple(fc.integer({ min: 1, max: 12 }), fc.option(fc.constantFrom(...contents))), { freq: 3 }),
      disk: fc.constantFrom(null, FULL, { total_bytes: 1_000, available_bytes: 500 }, { total_bytes: 0, available_bytes: 0 }),
      kept: fc.nat({ max: 5 }),
    })
    .map(({ shop, blog, tags, there, strangers, former, used, flying, disk, kept }) => {
      const releases = [...shop, ...blog];
      const removed = former.map((content) => ({ image_id: `sha256:${content}`, image: `gone:${content}`, removed_at: AT }));
      const named = (content: string, index: number) => {
        const ours = [...releases, ...removed].filter(({ image_id }) => image_id === `sha256:${content}`).map((one) => one.image);
        return image(content, ...new Set([...ours, ...(index % 2 === 0 ? [] : (tags[index] ?? []))]));
      };
      const images = [
        ...contents.map(named).filter((_, index) => there.includes(contents[index] ?? '')),
        ...strangers.map((id) => image(id)),
      ];
      const containers = used.map(([app_name, number]) => ({ app_name, release: `r${number}` }));
      const operations = flying
        ? [bringing('registry.test/new:1', flying[1] === null ? null : `sha256:${flying[1]}`, `r${flying[0]}`)]
        : [];
      const settings = { ...SETTINGS, releases_kept: kept };
      return { sight: sightOf(releases, images, { removed, containers, operations, disk }), settings };
    });

  const isThere = ({ images }: RetentionSight, id: string) => images.some((one) => one.id === id);

  it('what serves, what a rollback goes to and what an operation needs is kept', () => {
    fc.assert(
      fc.property(host, ({ sight, settings }) => {
        const { end } = exhaust(sight, settings);
        for (const { name, release: live } of sight.apps) {
          const its = sight.releases.filter(({ app_name }) => app_name === name);
          const flying = sight.operations.filter(({ app_name }) => app_name === name).map((one) => one.release);
          const needed = [live, previousRelease(its, live)?.id, ...flying];
          for (const one of its.filter(({ id, state: its_state }) => needed.includes(id) || its_state === 'pending')) {
            expect(end.releases.find(({ app_name, id }) => app_name === name && id === one.id)?.state).toBe(one.state);
            expect(isThere(end, one.image_id)).toBe(isThere(sight, one.image_id));
          }
        }
      }),
    );
  });

  it('nothing that is not ours, or that somebody else uses or names, is removed', () => {
    fc.assert(
      fc.property(host, ({ sight, settings }) => {
        const { end } = exhaust(sight, settings);
        const pinned = sight.operations.flatMap(({ steps }) =>
          steps.map(({ step }) => (step.name === 'pull' ? step.image.pinned_image_id : null)),
        );
        for (const one of sight.images.filter(({ id }) => !isThere(end, id))) {
          const ours = [...sight.releases, ...sight.removed].filter(({ image_id }) => image_id === one.id);
          expect(ours.length).toBeGreaterThan(0);
          for (const name of one.references) expect(ours.map((it) => it.image)).toContain(name);
          for (const used of sight.containers)
            expect(ours).not.toContainEqual(expect.objectContaining({ app_name: used.app_name, id: used.release }));
          expect(pinned).not.toContain(one.id);
        }
      }),
    );
  });

  it('once is enough while there is room', () => {
    fc.assert(
      fc.property(host, ({ sight, settings }) => {
        const roomy = { ...sight, disk: null };
        const after = carryOut(roomy, planRetention(roomy, settings));
        expect(planRetention(after, settings)).toEqual({ prune: [], images: [] });
      }),
    );
  });

  it('the newest that served are kept, and no more than that', () => {
    fc.assert(
      fc.property(host, ({ sight, settings }) => {
        const roomy = { ...sight, disk: null, operations: [] };
        const { end } = exhaust(roomy, settings);
        for (const { name } of sight.apps) {
          const standby = (of: RetentionSight) =>
            of.releases.filter((one) => one.app_name === name && one.state === 'standby').reverse();
          const newest = standby(roomy).slice(0, settings.releases_kept);
          expect(standby(end).slice(0, newest.length)).toEqual(newest);
          expect(standby(end).length).toBeLessThanOrEqual(settings.releases_kept + 1);
          for (const { image_id } of newest) expect(isThere(end, image_id)).toBe(isThere(roomy, image_id));
        }
      }),
    );
  });

  it('a disk that stays full leaves of ours what is needed alone', () => {
    fc.assert(
      fc.property(host, ({ sight, settings }) => {
        const bare = { ...sight, disk: FULL, operations: [], containers: [] };
        const { end, plans } = exhaust(bare, settings);
        const needed = sight.apps.flatMap(({ name, release: live }) => {
          const its = sight.releases.filter(({ app_name }) => app_name === name);
          const rollback = previousRelease(its, live)?.id;
          return its
            .filter(({ id, state: its_state }) => id === live || id === rollback || its_state === 'pending')
            .map(({ image_id }) => image_id);
        });
        const isNamedByUs = (one: Image) => {
          const ours = [...sight.releases, ...sight.removed].filter(({ image_id }) => image_id === one.id).map((it) => it.image);
          return ours.length > 0 && one.references.every((name) => ours.includes(name));
        };
        for (const one of end.images.filter(isNamedByUs)) expect(needed).toContain(one.id);
        for (const plan of plans.slice(1)) expect(plan.images).toHaveLength(1);
      }),
    );
  });
});
