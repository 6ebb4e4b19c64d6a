import { existsSync } from 'node:fs';
import { defineConfig } from 'vitest/config';
import { PlainReporter } from './scripts/plain-reporter.ts';

const NEVER = ['**/node_modules/**', 'out/**', 'dist/**', 'test/fixtures/**'];
/** Tests that run on real disposable servers; everything else needs nothing but Node. */
const ON_SERVERS = ['test/bed/**/*.test.ts', 'test/e2e/**/*.test.ts', 'test/chaos/**/*.test.ts'];
/** The desktop app: needs Electron's runtime and no server; skipped, and said so, where there is none. */
const DESKTOP = 'test/e2e/electron.test.ts';
const SHARED_BED = './test/bed/shared-setup.ts';

export default defineConfig({
  test: {
    reporters: ['default', new PlainReporter()],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['**/*.test.{ts,tsx}'],
          exclude: [...NEVER, ...ON_SERVERS],
          testTimeout: 20_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: { name: 'desktop', include: [DESKTOP], testTimeout: 60_000, sequence: { groupOrder: 1 } },
      },
      {
        test: {
          name: 'bed',
          include: ON_SERVERS,
          exclude: [...NEVER, DESKTOP],
          // One file at a time: they share the machine's cores, and one measures what another would disturb.
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 480_000,
          sequence: { groupOrder: 2 },
          ...(existsSync(new URL(SHARED_BED, import.meta.url)) ? { globalSetup: [SHARED_BED] } : {}),
        },
      },
    ],
  },
});
