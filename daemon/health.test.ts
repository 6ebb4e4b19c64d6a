import { describe, expect, it } from 'vitest';
import { DomainError } from './contract/errors.ts';
import { createHealthCheck } from './health.ts';

const { signal } = new AbortController();
const docker = { version: async () => '28.5', ensureNetwork: async () => undefined };
const proxy = { check: async () => undefined };

describe('the health of the daemon', () => {
  it('is not ok while the database can be read and not written', async () => {
    let writes = 0;
    const checkWritable = () => {
      writes += 1;
      throw new DomainError('unavailable', 'There is no space left.');
    };
    const getHealth = createHealthCheck({ docker, proxy, store: { lastEventSeq: () => 1, checkWritable } });
    for (const _ of [1, 2]) {
      const health = await getHealth(signal);
      expect(health.status).toBe('degraded');
      expect(health.checks).toContainEqual({ name: 'database', ok: false, detail: 'There is no space left.' });
    }
    // Whoever asks without a pause does not make the disk busy.
    expect(writes).toBe(1);
  });
});
