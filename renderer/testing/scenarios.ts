import { busyHost } from './busy-host.ts';
import { failingHost } from './failing-host.ts';
import { ago, bareHost, type WorldHost } from './world.ts';

export const scenarioNames = ['full', 'empty', 'questions', 'firehose'] as const;
export type ScenarioName = (typeof scenarioNames)[number];

const offered = { key_type: 'ssh-ed25519', sha256: 'SHA256:q6T0c5Vb0N2aX1pZrQe9o3mYcWkH7dJfL4sUiTgRxEw' };

function questionHosts(): WorldHost[] {
  return [
    bareHost('new-server', { connection: { kind: 'key_unknown', offered }, daemon: { kind: 'unknown' } }),
    bareHost('rebuilt', {
      daemon: { kind: 'unknown' },
      connection: {
        kind: 'key_changed',
        offered,
        known: [{ key_type: 'ssh-ed25519', sha256: 'SHA256:Zt1n3Wc8vKx5eYb7hQm2pLr9sDf4gJa6uTo0iNcRwEk' }],
        remedy: 'If you set the server up anew, remove its old key with `ssh-keygen -R 203.0.113.7`, then check again.',
      },
    }),
    bareHost('locked', {
      daemon: { kind: 'unknown' },
      connection: { kind: 'credentials_needed', what: 'passphrase', message: 'The key ~/.ssh/id_ed25519 is encrypted.' },
    }),
    bareHost('bare', { daemon: { kind: 'absent', message: 'This server has no NextDeploy daemon yet.' } }),
    bareHost('flaky', {
      connection: { kind: 'reconnecting', attempt: 3, next_at: ago(-12_000), message: 'The server stopped answering.' },
    }),
    bareHost('gone', {
      daemon: { kind: 'unknown' },
      connection: {
        kind: 'failed',
        message: 'Nothing answers on 203.0.113.9:22. Check that the server is up and that its firewall lets SSH through.',
      },
    }),
    bareHost('asleep', { connection: { kind: 'disconnected' }, daemon: { kind: 'unknown' } }),
    bareHost('quiet'),
  ];
}

/** A fresh world by the name of its scenario. */
export function createWorld(name: ScenarioName): WorldHost[] {
  switch (name) {
    case 'empty':
      return [];
    case 'questions':
      return questionHosts();
    case 'full':
    case 'firehose':
      return [
        busyHost(),
        failingHost(),
        bareHost('edge-fra', { connection: { kind: 'disconnected' }, daemon: { kind: 'unknown' } }),
      ];
  }
}
