#!/usr/bin/env node
/** nextdeploy: the command line on a server. */
import manifest from '../../package.json' with { type: 'json' };
import { run } from './program.ts';

const interrupted = new AbortController();
const onSignal = () => {
  // A second one ends the program at once.
  if (interrupted.signal.aborted) process.exit(130);
  interrupted.abort();
};
process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
// The reader of our output has seen enough, as in `nextdeploy logs shop | head`.
process.stdout.on('error', () => process.exit(0));

const { stdin, stdout, stderr, env } = process;
const code = await run(process.argv.slice(2), manifest.version, { stdin, stdout, stderr, env, signal: interrupted.signal });
process.exitCode = interrupted.signal.aborted ? 130 : code;
