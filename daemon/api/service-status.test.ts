import { describe, expect, it } from 'vitest';
import { DomainError } from '../contract/errors.ts';
import { parseSubnet } from '../engine/slots.ts';
import { createEngine, deploying, rollingBack, run, signal, swapping } from '../engine/test-engine.ts';
import { ModelJournal } from '../engine/test-journal.ts';
import { ModelWorld } from '../engine/test-world.ts';
import { AppStatuses } from './service-status.ts';

async function start() {
  const world = new ModelWorld();
  world.state.images.set('shop:v1', 'sha256:1').set('shop:v2', 'sha256:2');
  const journal = new ModelJournal();
  const engine = createEngine(world, journal);
  await run(engine, deploying('shop:v1'));
  const { containers, prober } = world.ports();
  const change = { list: containers.list, probe: prober.probe };
  let now = 0;
  let probes = 0;
  world.hook = (effect) => {
    if (effect === 'probe') probes += 1;
  };
  const statuses = new AppStatuses({
    journal,
    containers: { list: (asking) => change.list(asking) },
    prober: { probe: (...args) => change.probe(...args) },
    subnet: parseSubnet('10.213.0.0/16'),
    now: () => new Date(now),
    monotonicMs: () => now,
  });
  return { world, journal, engine, statuses, change, pass: (ms: number) => (now += ms), probed: () => probes };
}

describe('the status of an app', () => {
  it('is what Docker and a probe say now', async () => {
    const { statuses } = await start();
    expect(await statuses.get('shop', signal)).toMatchObject({
      status: 'running',
      release: 'r1',
      slot: 'blue',
      replicas: 1,
      version: 'shop:v1',
      url: 'http://shop.test',
      health: { healthy: true, detail: 'HTTP 200 in 1 ms' },
      operation_id: null,
    });
    await expect(statuses.get('blog', signal)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('is an error when the live container is dead or gone', async () => {
    const { world, statuses } = await start();
    const [container] = world.state.containers.values();
    Object.assign(container!, { is_running: false }); // just deployed
    expect(await statuses.get('shop', signal)).toMatchObject({ status: 'error', health: { healthy: false } });
    world.state.containers.clear();
    expect(await statuses.get('shop', signal)).toMatchObject({ status: 'error', container_id: null, replicas: 0 });
  });

  it('asks the app at most every five seconds, however many look', async () => {
    const { statuses, pass, probed } = await start();
    await Promise.all([statuses.list(signal), statuses.list(signal), statuses.get('shop', signal)]);
    expect(probed()).toBe(1);
    pass(5_000);
    await statuses.list(signal);
    expect(probed()).toBe(2);
  });

  it('shows what was asked for last and why it failed while nothing has ever served', async () => {
    const { engine, statuses } = await start();
    await run(engine, deploying('missing:v1', { domain: 'blog.test', ports: [4000] }), 'blog');
    expect(await statuses.get('blog', signal)).toMatchObject({
      status: 'error',
      release: null,
      port: 4000,
      domain: 'blog.test',
      last_error: 'The image missing:v1 does not exist. (field "image")',
    });
  });

  it('reaches all who look though the one who looked first hangs up', async () => {
    const { statuses, change } = await start();
    const answer = Promise.withResolvers<void>();
    const probe = change.probe;
    const asked: AbortSignal[] = [];
    change.probe = async (target, health, asking) => {
      asked.push(asking);
      await Promise.race([
        answer.promise,
        new Promise((_, reject) => asking.addEventListener('abort', () => reject(asking.reason))),
      ]);
      return probe(target, health, asking);
    };
    const first = new AbortController();
    const gone = statuses.list(first.signal);
    const others = [statuses.list(signal), statuses.get('shop', signal)];
    await expect.poll(() => asked.length).toBe(1);
    first.abort(new Error('hung up'));
    await expect(gone).rejects.toThrow('hung up');
    answer.resolve();
    await Promise.all(others);
    expect((await statuses.get('shop', signal)).health.healthy).toBe(true);
    expect(asked).toHaveLength(1);
  });

  it('is what the journal knows while Docker is down, and says why there is no more', async () => {
    const { statuses, change } = await start();
    change.list = () => Promise.reject(new DomainError('unavailable', 'Docker does not answer.'));
    const shown = { name: 'shop', status: 'error', release: 'r1', health: { healthy: null, detail: 'Docker does not answer.' } };
    expect(await statuses.list(signal)).toMatchObject([shown]);
    expect(await statuses.get('shop', signal)).toMatchObject(shown);
    await expect(statuses.get('blog', signal)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('knows the live release and the one before it under any number of failed ones', async () => {
    const { journal, engine, statuses } = await start();
    await run(engine, swapping('shop:v2'));
    const live = journal.getRelease('shop', 'r2')!; // just swapped to
    for (let number = 3; number < 400; number += 1) {
      journal.releases.set(`shop r${number}`, { ...live, id: `r${number}`, image: 'shop:broken', state: 'failed' });
    }
    expect(await statuses.get('shop', signal)).toMatchObject({
      release: 'r2',
      version: 'shop:v2',
      domain: 'shop.test',
      previous_release: 'r1',
      health: { healthy: true },
    });
    expect(await run(engine, rollingBack())).toMatchObject({ state: 'succeeded', release: 'r1' });
  });
});
