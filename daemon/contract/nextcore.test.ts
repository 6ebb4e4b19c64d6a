import { describe, expect, it } from 'vitest';
import { nextCoreMetadataSchema } from './nextcore.ts';

const least = { next_version: '16.0.1', output: 'standalone', build_id: 'b1' };

describe('what a build says of itself', () => {
  it('is its version, output and id at least; it has no routes unless it says so', () => {
    expect(nextCoreMetadataSchema.parse(least)).toEqual({
      ...least,
      routes: { static: [], dynamic: [], isr: [], middleware: false },
      public_env: [],
    });
  });

  it('is kept whole', () => {
    const whole = {
      ...least,
      deployment_id: 'd1',
      routes: { static: ['/', '/größe'], dynamic: ['/p/[id]', '/[...rest]'], isr: ['/blog'], middleware: true },
      public_env: ['NEXT_PUBLIC_API'],
      node_version: '24.1.0',
      package_manager: 'pnpm@10',
      git: { commit: '0123456789abcdef0123456789abcdef01234567', branch: 'feature/größe', is_dirty: true },
      static_directory: '/app/.next/static',
      health_path: '/api/health',
      port: 8080,
    };
    expect(nextCoreMetadataSchema.parse(whole)).toEqual(whole);
  });

  it.each<[more: object, field: string]>([
    [{ next_version: '' }, 'next_version'],
    [{ output: 'hybrid' }, 'output'],
    [{ build_id: 'x'.repeat(129) }, 'build_id'],
    [{ routes: { static: ['/a\nb'] } }, 'routes.static.0'],
    [{ routes: { static: Array.from({ length: 5_001 }, () => '/') } }, 'routes.static'],
    [{ public_env: [{ NEXT_PUBLIC_API: 'value' }] }, 'public_env.0'],
    [{ git: { branch: 'main' } }, 'git.commit'],
    [{ static_directory: 'app/.next/static' }, 'static_directory'],
    [{ health_path: 'http://elsewhere/' }, 'health_path'],
    [{ port: 70_000 }, 'port'],
  ])('is refused for %j', (more, field) => {
    const issues = nextCoreMetadataSchema.safeParse({ ...least, ...more }).error?.issues ?? [];
    expect(issues.map(({ path }) => path.join('.'))).toEqual([field]);
  });
});
