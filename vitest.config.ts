import { existsSync } from 'node:fs';
import { defineConfig } from 'vitest/config';
import { PlainReporter } from './scripts/plain-reporter.ts';

const NEVER = ['**/node_modules/**', 'out/**', 'dist/**', 'test/fixtures/**'];
/** Tests that run on real disposable servers; everything else needs nothing but Node. */
const ON_SERVERS = ['test/bed/**/*.test.ts', 'test/e2e/**/*.test.ts', 'test/chaos/**/*.test.ts'];
/** The console on this machine: in a browser, or in Electron's runtime, and no server. */
const SHELLS = ['test/e2e/console-dialogs.test.ts', 'test/e2e/shells.test.ts', 'test/e2e/electron.test.ts'];
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
        test: {
          name: 'shells',
          include: SHELLS,
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 180_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'bed',
          include: ON_SERVERS,
          exclude: [...NEVER, ...SHELLS],
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
