import { describe, expect, it, vi } from 'vitest';
import { appConfigurationSchema } from '../contract/configuration.ts';
import type { DaemonEvent, Image, Release, ReleaseState } from '../contract/domain.ts';
import { DomainError } from '../contract/errors.ts';
import type { Arrival, RemovedImage } from './ports.ts';
import { Retention } from './retention.ts';
import type { AppRecord, OperationRecord } from './state.ts';

const AT = '2026-01-01T00:00:00.000Z';
const UNAVAILABLE = new DomainError('unavailable', 'It does not answer.');
const signal = new AbortController().signal;
const CONFIGURATION = appConfigurationSchema.parse({});

/** Docker and the journal of a host, as far as retention sees them. Each image takes a tenth of the disk. */
class Host {
  readonly releases: Release[] = [];
  removed: RemovedImage[] = [];
  readonly operations: OperationRecord[] = [];
  images: Image[] = [];
  readonly inUse = new Set<string>();
  readonly events: DaemonEvent[] = [];
  readonly done: string[] = [];
  readonly logged: string[] = [];
  available_bytes = 500;
  docker: Error | null = null;
  disk: Error | null = null;
  onRemove: () => void | Promise<void> = () => undefined;
  onPrune: () => void = () => undefined;
  lists = 0;
  arrivals: Arrival[] = [];
  readonly stopping = new AbortController();
  readonly retention: Retention;

  constructor() {
    const note = (_: object, message: string) => void this.logged.push(message);
    const append = (event: Omit<DaemonEvent, 'seq'>): DaemonEvent => ({ seq: this.events.length + 1, ...event });
    const answer = <T>(value: T): T => {
      if (this.docker) throw this.docker;
      return value;
    };
    this.retention = new Retention({
      journal: {
        listAllReleases: () => structuredClone(this.releases),
        listRemovedImages: () => [...this.removed],
        forgetRemovedImages: (ids) => {
          this.removed = this.removed.filter(({ image_id }) => !ids.includes(image_id));
        },
        listApps: () => [{ name: 'shop', release: 'r9' } as AppRecord], // all that is looked at
        listOperations: () => this.operations,
        pruneReleases: (releases, events) => {
          this.onPrune();
          for (const { release } of releases) {
            this.done.push(`prune ${release}`);
            const found = this.releases.find(({ id }) => id === release);
            if (found) found.state = 'pruned';
          }
          return events.map(append);
        },
        appendEvent: append,
      },
      world: {
        images: {
          find: async (id) => answer(this.images.find((image) => image.id === id)?.id ?? null),
          list: async () => {
            this.lists += 1;
            return answer([...this.images]);
          },
          listArrivals: async () => answer([...this.arrivals]),
          remove: async (id) => {
            await this.onRemove();
            answer(null);
            if (this.inUse.has(id)) return false;
            this.done.push(`remove ${id.replace('sha256:', '')}`);
            this.images = this.images.filter((image) => image.id !== id);
            this.available_bytes += 100;
            return true;
          },
        },
        containers: { list: async () => answer([]) },
        resources: {
          dockerDisk: async () => {
            if (this.disk) throw this.disk;
            return { total_bytes: 1_000, available_bytes: this.available_bytes };
          },
        },
        clock: { now: () => new Date(AT) },
      },
      settings: { releases_kept: 2, disk_free_percent_min: 10 },
      publish: (event) => void this.events.push(event),
      log: { info: () => undefined, warn: note, error: note },
      signal: this.stopping.signal,
    });
  }

  /** A release and its image, `i1` for r1. */
  has(number: number, state: ReleaseState): this {
    const id = `sha256:i${number}`;
    const made = {
      created_at: new Date(Date.UTC(2026, 0, number)).toISOString(),
      created_by: 'admin',
      operation_id: 'op-00000001',
    };
    this.releases.push({
      ...{ id: `r${number}`, app_name: 'shop', state, image: `shop:${number}`, image_id: id, nextcore: null },
      ...{ configuration: CONFIGURATION, secrets: [], ended_at: null, end_reason: null },
      ...made,
    });
    this.images.push({ id, references: [`shop:${number}`], size_bytes: 100, created_at: AT });
    return this;
  }

  /** Five releases that served, of which two are to be kept. */
  static withHistory(): Host {
    const host = new Host().has(9, 'live');
    for (const number of [8, 7, 6, 5, 4]) host.has(number, 'standby');
    return host;
  }
}

describe('retention', () => {
  it('marks what is not kept, then removes its images, and does nothing the second time', async () => {
    const host = Host.withHistory();
    await host.retention.run(signal);
    const all = ['prune r6', 'prune r5', 'prune r4', 'remove i6', 'remove i5', 'remove i4'];
    expect(host.done).toEqual(all);
    expect(host.events).toMatchObject([
      {
        kind: 'release.pruned',
        app_name: 'shop',
        message: 'The image of r6, r5, r4 of shop is not kept any more: it is not among the 2 newest that are kept',
      },
    ]);
    await host.retention.run(signal);
    expect(host.done).toEqual(all);
    expect(host.events).toHaveLength(1);
  });

  it('removes what a daemon that died in between has left', async () => {
    const host = new Host().has(9, 'live').has(4, 'pruned');
    await host.retention.run(signal);
    expect(host.done).toEqual(['remove i4']);
  });

  it('removes the images of apps that were removed, and knows of each until it has gone', async () => {
    const host = new Host().has(9, 'live');
    host.removed = ['i1', 'i2', 'i3'].map((content) => ({
      image_id: `sha256:${content}`,
      image: `gone:${content}`,
      removed_at: AT,
    }));
    for (const { image_id, image } of host.removed.slice(0, 2))
      host.images.push({ id: image_id, references: [image], size_bytes: 1, created_at: AT });
    host.inUse.add('sha256:i2');
    await host.retention.run(signal);
    expect([host.done, host.removed.map(({ image }) => image)]).toEqual([['remove i1'], ['gone:i2']]);
    host.inUse.clear();
    await host.retention.run(signal);
    expect([host.done, host.removed]).toEqual([['remove i1', 'remove i2'], []]);
  });

  it('takes it for no error that something uses an image', async () => {
    const host = Host.withHistory();
    host.inUse.add('sha256:i6');
    await host.retention.run(signal);
    expect(host.done.slice(3)).toEqual(['remove i5', 'remove i4']);
    expect(host.logged).toEqual([]);
  });

  it('leaves an image that an operation has come to need meanwhile', async () => {
    const host = Host.withHistory();
    host.onRemove = () => {
      const image = { reference: 'shop:5', pinned_image_id: 'sha256:i5', pull: 'missing' };
      host.operations.push({ app_name: 'shop', steps: [{ step: { name: 'pull', image } }] } as unknown as OperationRecord); // all that is looked at
      host.onRemove = () => undefined;
    };
    await host.retention.run(signal);
    expect(host.images.map(({ id }) => id)).toContain('sha256:i5');
  });

  it('goes on with the others when one removal fails, and gives up while Docker is away', async () => {
    const host = Host.withHistory();
    let count = 0;
    host.onRemove = () => {
      count += 1;
      if (count === 1) throw new Error('the layer is broken');
    };
    await host.retention.run(signal);
    expect(host.done.slice(3)).toEqual(['remove i5', 'remove i4']);
    host.docker = UNAVAILABLE;
    await host.retention.run(signal);
    host.docker = null;
    await host.retention.run(signal);
    expect(host.done.at(-1)).toBe('remove i6');
    expect(host.logged).toEqual([
      'could not remove an image',
      'could not remove images that are not needed any more; the next run tries again',
    ]);
  });

  it('removes what was marked before when nothing can be marked, and then marks the rest if that made room', async () => {
    const host = Host.withHistory().has(3, 'pruned');
    host.onPrune = () => {
      if (host.images.some(({ id }) => id === 'sha256:i3')) throw UNAVAILABLE;
    };
    await host.retention.run(signal);
    expect(host.done).toEqual(['remove i3', 'prune r6', 'prune r5', 'prune r4', 'remove i6', 'remove i5', 'remove i4']);
  });

  it('removes nothing that is not marked while nothing can be marked', async () => {
    const host = Host.withHistory();
    host.available_bytes = 0;
    host.onPrune = () => {
      throw UNAVAILABLE;
    };
    await host.retention.run(signal);
    expect(host.done).toEqual([]);
  });

  it('leaves what is loaded again while it runs for the deploy that it was brought for', async () => {
    const host = Host.withHistory();
    host.onRemove = () => {
      host.arrivals = [{ image_id: 'sha256:i5', at: new Date(Date.UTC(2026, 0, 9)).toISOString() }];
    };
    await host.retention.run(signal);
    expect(host.done).toEqual(['prune r6', 'prune r5', 'prune r4', 'remove i6', 'remove i4']);
    host.arrivals = [];
    await host.retention.run(signal);
    expect(host.done.at(-1)).toBe('remove i5');
  });

  it('runs once more, and not more often, for all who ask while it runs', async () => {
    const host = Host.withHistory();
    const gate = Promise.withResolvers<void>();
    host.onRemove = () => gate.promise;
    const first = host.retention.run(signal);
    await vi.waitFor(() => expect(host.done).toContain('prune r4'));
    const others = [1, 2, 3].map(() => host.retention.run(signal));
    const impatient = host.retention.run(AbortSignal.abort(new Error('he went away')));
    await expect(impatient).rejects.toThrow('he went away');
    gate.resolve();
    await Promise.all([first, ...others]);
    expect(host.done).toHaveLength(6);
    // Twice by the first: with something to do, then with nothing more; once by the one for all others.
    expect(host.lists).toBe(3);
  });
});

describe('a disk that is nearly full', () => {
  it('gets room from the oldest releases until it has enough, and is told of once', async () => {
    const host = new Host().has(9, 'live').has(8, 'standby').has(7, 'standby').has(1, 'failed');
    host.available_bytes = 0;
    host.inUse.add('sha256:i1');
    expect(await host.retention.makeRoom(signal)).toBe(true);
    expect(host.done).toEqual(['prune r7', 'remove i7']);
    expect(host.events.map(({ kind }) => kind)).toEqual(['release.pruned', 'disk.low']);
    expect(host.events[1]?.message).toBe(
      "Docker's disk had 0.0 % (0.0 GiB) free, less than 10 %; one image of an older release was removed, now 10.0 % (0.0 GiB) is.",
    );
    host.available_bytes = 0;
    expect(await host.retention.makeRoom(signal)).toBe(false);
    expect(host.done).toHaveLength(2);
    expect(host.events).toHaveLength(2);
  });

  it('is told of again after it had room in between, and says what to do when nothing can go', async () => {
    const host = new Host().has(9, 'live').has(8, 'standby');
    for (const available_bytes of [50, 110, 50, 500, 50, 50]) {
      host.available_bytes = available_bytes;
      await host.retention.run(signal);
    }
    expect(host.events).toHaveLength(2);
    expect(host.events[0]?.message).toMatch(/had 5.0 % .* free, less than 10 %\. Enlarge the disk, or remove/);
  });

  it('costs nothing while it is not known how full it is', async () => {
    const host = new Host().has(9, 'live').has(8, 'standby').has(7, 'standby');
    host.available_bytes = 0;
    host.disk = UNAVAILABLE;
    expect(await host.retention.makeRoom(signal)).toBe(true);
    await host.retention.run(signal);
    expect(host.done).toEqual([]);
  });
});
