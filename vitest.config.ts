import { defineConfig } from 'vitest/config';
import { PlainReporter } from './scripts/plain-reporter.ts';

const NEVER = ['**/node_modules/**', 'out/**', 'dist/**', 'test/fixtures/**'];
/** Tests that run on real disposable servers; everything else needs nothing but Node. */
const ON_SERVERS = ['test/bed/**/*.test.ts', 'test/e2e/**/*.test.ts'];
/** Also on a server, but what they break is to be mended in time: with nothing else on the machine. */
const FAULTS = ['test/chaos/**/*.test.ts'];
/** The console on this machine: in a browser, or in Electron's runtime, and no server. */
const SHELLS = [
  'test/e2e/console-dialogs.test.ts',
  'test/e2e/console-secrets.test.ts',
  'test/e2e/shells.test.ts',
  'test/e2e/electron.test.ts',
];
/** On a server of their own without a daemon. */
const PROXIES = ['test/e2e/proxy.test.ts'];
const SHARED_BED = './test/bed/shared-setup.ts';

export default defineConfig({
  test: {
    reporters: ['default', new PlainReporter()],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['**/*.test.{ts,tsx}'],
          exclude: [...NEVER, ...ON_SERVERS, ...FAULTS],
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
          exclude: [...NEVER, ...SHELLS, ...PROXIES],
          // Each has a server of its own; nothing here measures.
          maxWorkers: 2,
          testTimeout: 180_000,
          hookTimeout: 480_000,
          sequence: { groupOrder: 2 },
          globalSetup: [SHARED_BED],
        },
      },
      {
        test: {
          name: 'proxies',
          include: PROXIES,
          testTimeout: 180_000,
          hookTimeout: 480_000,
          sequence: { groupOrder: 2 },
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'chaos',
          include: FAULTS,
          fileParallelism: false,
          hookTimeout: 480_000,
          sequence: { groupOrder: 3 },
          globalSetup: [SHARED_BED],
        },
      },
    ],
  },
});
