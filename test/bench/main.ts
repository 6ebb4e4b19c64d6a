/** `npm run bench -- SUITE [--json] [--quick]`: measurements, each against a reference of the same run. See docs/bench.md. */
import { Argument, Command } from 'commander';
import { type Figure, jsonLine, table } from './figures.ts';
import type { Suite } from './suite.ts';

const SUITES: Record<string, () => Promise<Suite>> = {
  swap: async () => (await import('./swap/suite.ts')).measureSwapping,
  path: async () => (await import('./path/suite.ts')).measurePaths,
  tunnel: async () => (await import('./tunnel/suite.ts')).measureTunnel,
};

const program = new Command('bench')
  .description('Measures against a reference in the same run. Starts a disposable server for it and removes it afterwards.')
  .addArgument(new Argument('<suite>', 'what to measure').choices(Object.keys(SUITES)))
  .option('--json', 'one JSON object a line on stdout: name, value, unit, reference, ratio, goal, ok')
  .option('--quick', 'fewer repetitions, to see that it works; the figures mean little')
  .addHelpText('after', '\nExits with 0 when it measured, with 1 when it could not; `ok` says whether a goal is met.')
  .showHelpAfterError()
  .parse();

const [name = ''] = program.args;
process.exitCode = await runSuite(name, program.opts<{ json?: true; quick?: true }>());

async function runSuite(suiteName: string, options: { json?: true; quick?: true }): Promise<number> {
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => interrupted.abort(new Error(`interrupted by ${signal}`)));
  }
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const figures: Figure[] = [];
  const emit = (figure: Figure) => {
    figures.push(figure);
    if (options.json) process.stdout.write(`${jsonLine(figure)}\n`);
  };
  try {
    const suite = await SUITES[suiteName]?.();
    await suite?.({ isQuick: options.quick ?? false, signal: interrupted.signal, say, emit });
    if (!options.json) process.stdout.write(`${table(figures)}\n`);
    return 0;
  } catch (error) {
    say(`The ${suiteName} suite could not be measured: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}
