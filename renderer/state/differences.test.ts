import { describe, expect, it } from 'vitest';
import { compareReleases } from '../../daemon/contract/compare.ts';
import { nextcore, release } from '../testing/world.ts';
import { buildRows, differenceRows, imageOnly, releaseRows, withoutReplicas } from './differences.ts';

const before = release('shop', 4, 'shop:v4', {
  nextcore: nextcore('0a1b2c3d4e5f'),
  configuration: {
    aliases: ['www.shop.example.com', 'old.example.com'],
    drain_ms: 30_000,
    limits: { cpus: 1 },
    volumes: [{ kind: 'volume', name: 'uploads', target: '/app/uploads', read_only: false }],
  },
});
const after = release('shop', 5, 'shop:v5', {
  nextcore: nextcore('ffee2c3d4e5f', { next_version: '16.1.0' }),
  configuration: {
    env: { ...before.configuration.env, LOG_LEVEL: 'debug', ADDED: 'x' },
    aliases: ['www.shop.example.com', 'new.example.com'],
    drain_ms: 90_000,
    limits: { cpus: 2, memory_bytes: 512 * 1024 ** 2 },
    volumes: [{ kind: 'volume', name: 'uploads', target: '/app/uploads', read_only: true }],
    health: { ...before.configuration.health, kind: 'http', path: '/up', status: { min: 200, max: 299 } } as never,
    replicas: 3,
    pre_switch: { command: ['node', 'migrate now.js'], timeout_ms: 60_000 },
  },
});
const text = (rows: ReturnType<typeof differenceRows>) =>
  rows.map(({ label, from, to }) => `${label}: ${from ?? '–'} → ${to ?? '–'}`);

describe('differences', () => {
  it('are taken apart to what differs, in words and units', () => {
    expect(text(differenceRows(compareReleases(before, after))).toSorted((a, b) => a.localeCompare(b))).toEqual([
      'ADDED: – → x',
      'Alias: – → new.example.com',
      'Alias: old.example.com → –',
      'CPU limit: 1 core → 2 cores',
      'Drain: 30 s → 90 s',
      'Good answers: 200–399 → 200–299',
      'Health path: /api/health → /up',
      'Image: shop:v4 → shop:v5',
      'LOG_LEVEL: info → debug',
      'Memory limit: – → 512 MiB',
      'Pre-switch command: – → node "migrate now.js"',
      'Pre-switch command: time-out: – → 1 min',
      'Replicas: 1 → 3',
      'Volume: uploads at /app/uploads → uploads at /app/uploads, read-only',
    ]);
  });

  it('hold values of the environment as secrets, and nothing else', () => {
    const secrets = differenceRows(compareReleases(before, after)).filter(({ isSecret }) => isSecret);
    expect(secrets.map(({ label }) => label)).toEqual(['ADDED', 'LOG_LEVEL']);
  });

  it('name secrets by the version that each runs with, beside a variable of the same name', () => {
    const pin = { scope: 'app' as const, project: null, app_name: 'shop', name: 'LOG_LEVEL', version: 2 };
    const wider = { ...pin, scope: 'project' as const, project: 'storefront', app_name: null, version: 7 };
    const secrets = differenceRows(compareReleases({ ...before, secrets: [pin] }, { ...before, secrets: [wider] }));
    expect(text(secrets)).toEqual(['Secret LOG_LEVEL: version 2 of shop → version 7 of storefront']);
  });

  it('are none between a release and itself', () => {
    expect(releaseRows(compareReleases(after, after), after, after)).toEqual([]);
  });

  it('name another content behind the same image name', () => {
    const rebuilt = { ...before, image_id: `sha256:${'b'.repeat(64)}` };
    expect(text(differenceRows(compareReleases(before, rebuilt)))).toEqual([
      expect.stringMatching(/^Image content: .* → b{12}$/),
    ]);
  });

  it('of two builds are those of version and commit', () => {
    expect(text(buildRows(before.nextcore, after.nextcore))).toContain('Next.js: 16.0.1 → 16.1.0');
    expect(buildRows(null, after.nextcore)).toEqual([]);
    const moved = nextcore('0a1b2c3d4e5f', { static_directory: '/srv/static', health_path: '/up', port: 8080 });
    expect(text(buildRows(before.nextcore, moved))).toEqual([
      'Static files: /app/.next/static → /srv/static',
      'Suggested health path: /api/health → /up',
      'Suggested port: 3000 → 8080',
    ]);
  });

  it('of a rollback leave the replicas out, and of its code only all but the image', () => {
    const all = compareReleases(before, after);
    expect(differenceRows(withoutReplicas(all)).some(({ label }) => label === 'Replicas')).toBe(false);
    expect(text(differenceRows(imageOnly(all)))).toEqual(['Image: shop:v4 → shop:v5']);
  });
});
