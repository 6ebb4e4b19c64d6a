import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock, Ids } from '../engine/ports.ts';

export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  sleep: async (ms, signal) => {
    try {
      await sleep(ms, undefined, { signal });
    } catch {
      throw signal.reason;
    }
  },
  timeout: (ms) => AbortSignal.timeout(ms),
};

export const randomIds: Ids = {
  operationId: () => `op-${randomBytes(8).toString('hex')}`,
  verifyKey: () => randomBytes(16).toString('hex'),
};

/** Of tokens: an id, and the text that its bearer sends, of 256 random bits. */
export const randomTokens = {
  tokenId: (): string => `tok-${randomBytes(8).toString('hex')}`,
  tokenText: (): string => `nd_${randomBytes(32).toString('base64url')}`,
};
