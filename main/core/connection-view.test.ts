import { describe, expect, it } from 'vitest';
import { connectionOf } from './connection-view.ts';
import type { HostKey } from './known-hosts/known-hosts.ts';
import type { Phase } from './ssh/reconnect.ts';

describe('a changed key', () => {
  it('comes with the command that mends it, marked as one', () => {
    const key: HostKey = { type: 'ssh-ed25519', blob: Buffer.from('key') };
    const phase: Phase = { kind: 'stopped', failure: { kind: 'key_changed', offered: key, known: [key] } };
    const target = { address: 'one.test', port: 2222, user: 'me', auth: { kind: 'agent' } } as const;
    const shown = connectionOf(phase, { target, knownHostsPath: '/home/me/.ssh/known_hosts', latency_ms: null });
    expect(shown).toMatchObject({
      remedy: expect.stringContaining("`ssh-keygen -f '/home/me/.ssh/known_hosts' -R '[one.test]:2222'`"),
    });
  });
});
