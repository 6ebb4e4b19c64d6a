/** Runs under load: alone, with swaps, with Docker's work alone, and with reloads. */
import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { startWrk } from '../../load/wrk.ts';
import { daemonClient } from './cold.ts';
import { CONNECTIONS } from './load.ts';
import { firstAnswer } from './poll.ts';
import type { AgentAnswer, AgentRequest, LoadedRun, LoadTarget } from './protocol.ts';
import { reload } from './reload.ts';

const execute = promisify(execFile);

const LOAD_SECONDS_MAX = 600;
/** How long a change must be visible within. */
const CHANGE_MS_MAX = 5000;
/** How soon the container of a churn must answer. */
const CHURN_MS_MAX = 30_000;
/** The load goes on that long after the last change, so that what it breaks is counted. */
const TAIL_MS = 1000;

export async function measureBaseline(request: AgentRequest<'baseline'>, signal: AbortSignal): Promise<AgentAnswer<'baseline'>> {
  return underLoad(request.load, signal, async () => {
    await delay(request.seconds * 1000, undefined, { signal });
    return [];
  });
}

export async function measureSwaps(request: AgentRequest<'swaps'>, signal: AbortSignal): Promise<AgentAnswer<'swaps'>> {
  const client = daemonClient(request.daemon);
  await client.call('getVersion', { signal });
  return underLoad(request.load, signal, async (elapsed) => {
    const changes: number[] = [];
    for (const [index, image] of request.images.entries()) {
      changes.push(elapsed());
      const body = { app_name: request.app, image };
      const operation = await client.call('swap', { body, query: { wait: '1' }, signal });
      if (operation.state !== 'succeeded') throw new Error(`swap ${index + 1} ${operation.state}: ${operation.error?.message}`);
      await expectVersion(request.check, request.versions[index], signal);
    }
    return changes;
  });
}

export async function measureChurn(request: AgentRequest<'churn'>, signal: AbortSignal): Promise<AgentAnswer<'churn'>> {
  return atMoments(request, signal, async () => {
    const { stdout } = await execute('docker', ['run', '--detach', ...request.docker_run], { signal });
    const container = stdout.trim();
    await firstAnswer(request.target, AbortSignal.any([signal, AbortSignal.timeout(CHURN_MS_MAX)]));
    await execute('docker', ['stop', container], { signal });
    await execute('docker', ['rm', '--volumes', container], { signal });
  });
}

export async function measureReloads(request: AgentRequest<'reloads'>, signal: AbortSignal): Promise<AgentAnswer<'reloads'>> {
  return atMoments(request, signal, async (index) => {
    const change = request.reloads[index];
    if (change === undefined) throw new Error('there are fewer reloads than moments for them');
    await reload(change, signal);
    await expectVersion(request.check, request.versions[index], signal);
  });
}

/** Does something at each of the given moments of a load, or directly after the one before if that took longer. */
function atMoments(
  { load, at_ms }: { load: LoadTarget; at_ms: number[] },
  signal: AbortSignal,
  change: (index: number) => Promise<void>,
): Promise<LoadedRun> {
  return underLoad(load, signal, async (elapsed) => {
    const changes: number[] = [];
    for (const [index, moment] of at_ms.entries()) {
      const wait = moment - elapsed();
      if (wait > 0) await delay(wait, undefined, { signal });
      changes.push(elapsed());
      await change(index);
    }
    return changes;
  });
}

/** Without this a method that changes nothing would look best of all. */
async function expectVersion(
  check: AgentRequest<'swaps'>['check'],
  version: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (version === undefined) throw new Error('no version is named for this change');
  await firstAnswer({ ...check, version }, AbortSignal.any([signal, AbortSignal.timeout(CHANGE_MS_MAX)]));
}

async function underLoad(
  load: LoadTarget,
  signal: AbortSignal,
  work: (elapsed: () => number) => Promise<number[]>,
): Promise<LoadedRun> {
  const [file, ...before] = load.wrk;
  const run = startWrk({
    url: load.url,
    host: load.host,
    connections: CONNECTIONS,
    seconds_max: LOAD_SECONDS_MAX,
    command: [file, ...before],
  });
  const start = performance.now();
  const elapsed = () => performance.now() - start;
  // Should wrk end by itself, the work would go on without load and measure nothing.
  const endedEarly = run.ended.then((result) => Promise.reject(new Error(`wrk ended too soon: ${result.text}`)));
  endedEarly.catch(() => undefined);
  try {
    const changes_at_ms = await Promise.race([work(elapsed), endedEarly]);
    if (changes_at_ms.length > 0) await Promise.race([delay(TAIL_MS, undefined, { signal }), endedEarly]);
    const seconds = elapsed() / 1000;
    return { wrk: await run.stop(), seconds, changes_at_ms };
  } catch (error) {
    await run.stop().catch(() => undefined);
    throw error;
  }
}
