/** {@link collectGarbage} as a program for a server. Argument: the process, whose inspector SIGUSR1 opens on port 9229 of loopback. */
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { collectGarbage } from './garbage.ts';

const OPENED_MS_MAX = 10_000;

process.kill(Number(process.argv[2]), 'SIGUSR1');
const deadline = performance.now() + OPENED_MS_MAX;
for (;;) {
  try {
    const answer: unknown = await (await fetch('http://127.0.0.1:9229/json')).json();
    const [target] = z.array(z.object({ webSocketDebuggerUrl: z.string() })).parse(answer);
    await collectGarbage(target?.webSocketDebuggerUrl ?? '');
    break;
  } catch (error) {
    if (performance.now() > deadline) throw error;
    await delay(50);
  }
}
