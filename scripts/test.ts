/**
 * `npm test`: format, lint, types, unused code, then all tests, those that need real servers last. Runs everything even after a failure,
 * installs what is missing first, and closes with a line `N passed, N failed` (`, N skipped`). Exits 0 only if nothing failed.
 * `npm test -- --project unit` leaves the servers out, for a quick look while writing; other arguments go to vitest as well.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ensureTestPrograms } from '../test/bed/test-programs.ts';
import { EARLIER_CHECKS } from './plain-reporter.ts';

const ROOT = join(import.meta.dirname, '..');
const BIN = join(ROOT, 'node_modules', '.bin');
/** Into a file or a pipe go words alone. */
const PLAIN = process.stdout.isTTY ? {} : { NO_COLOR: '1', FORCE_COLOR: undefined };
const CHECKS = [
  { title: 'format and lint', file: 'biome', arguments: ['ci', '--error-on-warnings', '--colors=off', '.'] },
  { title: 'types', file: 'tsc', arguments: [] },
  { title: 'unused code', file: 'knip', arguments: [] },
];

process.exitCode = await main(process.argv.slice(2));

async function main(vitestArguments: string[]): Promise<number> {
  const failed: string[] = [];
  for (const check of CHECKS) {
    console.log(`\n— ${check.title}`);
    if ((await run(check.file, check.arguments)) !== 0) failed.push(check.title);
  }
  console.log('\n— tests');
  if (!vitestArguments.includes('unit')) await ensureTestPrograms((line) => console.log(`  ${line}`));
  const earlier = JSON.stringify({ passed: CHECKS.length - failed.length, failed });
  const code = await run('vitest', ['run', ...vitestArguments], { [EARLIER_CHECKS]: earlier });
  return failed.length === 0 && code === 0 ? 0 : 1;
}

function run(program: string, programArguments: string[], env: NodeJS.ProcessEnv = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(join(BIN, program), programArguments, {
      stdio: ['ignore', 'inherit', 'inherit'],
      cwd: ROOT,
      // The programs find their Node by PATH: it must be the one that came with them.
      env: { ...process.env, ...PLAIN, PATH: `${BIN}:${process.env.PATH}`, ...env },
    });
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}
