/** `npm run matrix [-- --suite NAME] [--json]`: the swap from end to end on each Debian suite, with each proxy. See docs/chaos.md. */
import { Command, Option } from 'commander';
import { SUITES, type Suite } from '../bed/rootfs-recipe.ts';
import { countFigure, jsonLine } from '../bench/figures.ts';
import { runProxiesTests } from './proxies.ts';
import { type MatrixRow, runSuite } from './run-suite.ts';

interface Options {
  suite?: Suite;
  json?: true;
}

const program = new Command('npm run matrix --')
  .description(
    "Install, deploy, swap under load, roll back, scale, reboot and remove, and the proxies' own tests, on a server of each suite with each proxy.",
  )
  .addOption(new Option('--suite <name>', 'only this').choices(SUITES))
  .option('--json', 'one JSON object a line on stdout: name, value, unit, reference, ratio, goal, ok')
  .addHelpText('after', '\nExits with 0 when all of it worked, with 1 when not.')
  .showHelpAfterError()
  .parse();

process.exitCode = await run(program.opts<Options>());

async function run({ suite, json }: Options): Promise<number> {
  const interrupted = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => interrupted.abort(new Error(`interrupted by ${name}`)));
  }
  const say = (line: string) => process.stderr.write(`${line}\n`);
  let isOk = true;
  for (const name of SUITES.filter((candidate) => suite === undefined || candidate === suite)) {
    for (const row of await runSuite(name, { signal: interrupted.signal, say })) {
      isOk &&= row.problem === null;
      process.stdout.write(`${json ? asJson(row) : asText(row)}\n`);
    }
    if (interrupted.signal.aborted) return 1;
    const { passed, problem } = await runProxiesTests(name, interrupted.signal, say);
    isOk &&= problem === null;
    const proxies = countFigure(
      `matrix.${name}.proxies`,
      'failures',
      { value: problem === null ? 0 : 1, reference: null },
      { at_most: 0 },
    );
    process.stdout.write(
      json ? `${jsonLine(proxies)}\n` : `${name.padEnd(9)} both   ${problem ?? `ok (${passed} of their own tests)`}\n`,
    );
  }
  return isOk ? 0 : 1;
}

function asText({ suite, proxy, versions, problem, passed, skipped }: MatrixRow): string {
  const verdict = problem === null ? `ok (${passed.join(', ')})` : `FAILED: ${problem}`;
  const left = skipped.map((reason) => `; SKIPPED ${reason}`).join('');
  return `${suite.padEnd(9)} ${proxy.padEnd(6)} ${versions.padEnd(34)} ${verdict}${left}`;
}

/** `matrix.SUITE.PROXY`: the steps that failed; after the first the others are not tried. */
function asJson({ suite, proxy, problem }: MatrixRow): string {
  const value = problem === null ? 0 : 1;
  return jsonLine(countFigure(`matrix.${suite}.${proxy}`, 'failures', { value, reference: null }, { at_most: 0 }));
}
