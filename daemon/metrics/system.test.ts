import { describe, expect, it, vi } from 'vitest';
import { systemMetricsSchema } from '../contract/domain.ts';
import { Hub } from '../stream/hub.ts';
import { type RawSample, SystemSampler, systemMetrics } from './system.ts';

const raw = (changes: Partial<RawSample> = {}): RawSample => ({
  cpu: { total: 1000, idle: 900 },
  cores: 2,
  memory: { total_bytes: 1000, available_bytes: 400 },
  disk: { total_bytes: 100, free_bytes: 40, available_bytes: 35 },
  network: { received_bytes: 5_000, sent_bytes: 6_000 },
  load: [0.1, 0.2, 0.3],
  uptime_seconds: 99,
  ...changes,
});

describe('the figures from two samples', () => {
  it('are rates over the time between them, and levels of the second', () => {
    const later = raw({ cpu: { total: 1200, idle: 1050 }, network: { received_bytes: 7_000, sent_bytes: 6_001 } });
    const metrics = systemMetrics({ raw: raw(), at_ms: 0 }, { raw: later, at_ms: 2_000 });
    expect(systemMetricsSchema.parse(metrics)).toEqual({
      ts: '1970-01-01T00:00:02.000Z',
      cpu: { percent: 25, cores: 2 },
      memory: { total_bytes: 1000, used_bytes: 600, available_bytes: 400 },
      disk: { total_bytes: 100, used_bytes: 60, available_bytes: 35 },
      network: { received_bytes_per_second: 1_000, sent_bytes_per_second: 1 },
      load: [0.1, 0.2, 0.3],
      uptime: 99,
    });
  });

  it('are zero where a counter went backwards or no time has passed', () => {
    const rebooted = raw({ cpu: { total: 10, idle: 9 }, network: { received_bytes: 0, sent_bytes: 0 } });
    for (const at_ms of [0, 1_000]) {
      const metrics = systemMetrics({ raw: raw(), at_ms: 0 }, { raw: rebooted, at_ms });
      expect(metrics.cpu.percent).toBe(0);
      expect(metrics.network).toEqual({ received_bytes_per_second: 0, sent_bytes_per_second: 0 });
    }
  });
});

describe('the sampler', () => {
  it('reads nothing while nobody listens, and ticks for as long as somebody does', async () => {
    const read = vi.fn(async () => raw());
    const sampler = new SystemSampler({ audience: new Hub(), read, onError: () => undefined, tick_ms: 5 });
    expect(read).not.toHaveBeenCalled();
    const abort = new AbortController();
    let seen = 0;
    for await (const metrics of sampler.subscribe(abort.signal)) {
      expect(metrics).toHaveProperty('cpu');
      seen += 1;
      if (seen === 3) abort.abort();
    }
    let reads = -1;
    await expect
      .poll(() => {
        const isStill = read.mock.calls.length === reads;
        reads = read.mock.calls.length;
        return isStill;
      })
      .toBe(true);
  });

  it('shares one ticking among all who listen', async () => {
    const read = vi.fn(async () => raw());
    const sampler = new SystemSampler({ audience: new Hub(), read, onError: () => undefined, tick_ms: 300 });
    const abort = new AbortController();
    const subscriptions = [sampler.subscribe(abort.signal), sampler.subscribe(abort.signal)];
    await Promise.all(subscriptions.map((each) => each.next()));
    // Two for the first figures, however many wait for them.
    expect(read).toHaveBeenCalledTimes(2);
    abort.abort();
  });

  it('says that a sample failed and goes on', async () => {
    const onError = vi.fn();
    const read = vi.fn(async () => raw()).mockRejectedValueOnce(new Error('no /proc'));
    const sampler = new SystemSampler({ audience: new Hub(), read, onError, tick_ms: 5 });
    for await (const metrics of sampler.subscribe(new AbortController().signal)) {
      expect(metrics).toHaveProperty('cpu');
      break;
    }
    expect(onError).toHaveBeenCalledOnce();
  });

  it('stops waiting for its second sample when the caller goes', async () => {
    const sampler = new SystemSampler({ audience: new Hub(), read: async () => raw(), onError: () => undefined });
    const abort = new AbortController();
    const sample = sampler.sample(abort.signal);
    const reason = new Error('The caller hung up.');
    abort.abort(reason);
    await expect(sample).rejects.toBe(reason);
  });
});
