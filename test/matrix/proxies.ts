/** The proxies' own tests (test/e2e/proxy.test.ts) on a server of another suite than the one that every test run has. */
import { join } from 'node:path';
import type { Suite } from '../bed/rootfs-recipe.ts';
import { capture } from '../bed/run.ts';

export interface ProxiesRow {
  passed: number;
  failed: number;
  /** Null: all passed. */
  problem: string | null;
}

const ROOT = join(import.meta.dirname, '..', '..');
const RUN_MS_MAX = 30 * 60_000;
/** What `ProxyServer` goes by. */
export const SUITE_VARIABLE = 'NEXTDEPLOY_PROXY_TEST_SUITE';

export async function runProxiesTests(suite: Suite, signal: AbortSignal, say: (line: string) => void): Promise<ProxiesRow> {
  say(`${suite}: the proxies' own tests`);
  const bin = join(ROOT, 'node_modules', '.bin');
  const { code, stdout } = await capture(join(bin, 'vitest'), ['run', '--project', 'proxies'], {
    cwd: ROOT,
    env: { [SUITE_VARIABLE]: suite, NO_COLOR: '1', PATH: `${bin}:${process.env.PATH}` },
    timeoutMs: RUN_MS_MAX,
    signal,
    onLine: (line) => {
      if (/ (FAIL|×) /.test(line)) say(line);
    },
  });
  const [, passed = '0', failed = '0'] = /^(\d+) passed, (\d+) failed/m.exec(stdout) ?? [];
  const isGood = code === 0 && failed === '0' && passed !== '0';
  return { passed: Number(passed), failed: Number(failed), problem: isGood ? null : `${failed} of the proxies' tests failed` };
}
