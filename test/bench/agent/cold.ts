/** The two times of `swap.overhead`: the floor that Docker and the app set, and a swap. */
import { execFile } from 'node:child_process';
import { watch } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { DaemonClient, unixSocketTransport } from '../../../daemon/api/client.ts';
import type { Operation } from '../../../daemon/contract/domain.ts';
import { isTerminal } from '../../../daemon/contract/rules.ts';
import { CLOSING_MARKERS } from '../../../daemon/engine/marker-names.ts';
import { firstAnswer } from './poll.ts';
import type { AgentAnswer, AgentRequest, DaemonAccess } from './protocol.ts';
import { waitForQuiet } from './quiet.ts';

const execute = promisify(execFile);
const OPERATION_POLL_MS = 50;

export async function measureFloor(request: AgentRequest<'floor'>, signal: AbortSignal): Promise<AgentAnswer<'floor'>> {
  const is_quiet = await waitForQuiet(signal, request.quiet_ms_max);
  const start = performance.now();
  const { stdout } = await execute('docker', ['run', '--detach', ...request.docker_run], { signal });
  const run_ms = performance.now() - start;
  try {
    // Not sooner: a connection to an address that nobody has yet makes the kernel wait a whole second for its neighbour.
    const answered = await firstAnswer(request.target, signal);
    return { total_ms: answered - start, run_ms, is_quiet };
  } finally {
    await execute('docker', ['rm', '--force', '--volumes', stdout.trim()]);
  }
}

export async function measureSwap(request: AgentRequest<'swap'>, signal: AbortSignal): Promise<AgentAnswer<'swap'>> {
  const client = daemonClient(request.daemon);
  // Opens the connection, so that the swap is timed and not the client's start.
  await client.call('getVersion', { signal });
  const is_quiet = await waitForQuiet(signal, request.quiet_ms_max);
  const switched = markerRenamed(request.marker_directory, signal);
  const start = performance.now();
  // Not sooner: the old release's answers would take their time from the new one, which starts on the same processors.
  const answered = switched.then(() => firstAnswer(request.target, signal));
  answered.catch(() => undefined);
  const accepted = await client.call('swap', { body: { app_name: request.app, image: request.image }, signal });
  const accepted_ms = performance.now() - start;
  const ended = operationEnd(client, accepted.id, signal);
  // A failed operation never answers, so whichever comes first decides.
  await Promise.race([answered, ended]);
  const operation = await ended;
  const ended_ms = performance.now() - start;
  if (operation.state !== 'succeeded')
    throw new Error(`the swap ${operation.state}: ${operation.error?.message ?? 'no reason given'}`);
  return { total_ms: (await answered) - start, accepted_ms, ended_ms, is_quiet, operation };
}

export function daemonClient({ socket, token }: DaemonAccess): DaemonClient {
  return new DaemonClient({ transport: unixSocketTransport(socket), token: { open: () => token } });
}

/** Resolves when a closing marker of the app appears, which is what a switch is (inotify(7) tells of it). */
async function markerRenamed(directory: string, signal: AbortSignal): Promise<void> {
  const markers = new Set<string | null>(Object.values(CLOSING_MARKERS));
  for await (const { filename } of watch(directory, { signal })) if (markers.has(filename)) return;
}

async function operationEnd(client: DaemonClient, id: string, signal: AbortSignal): Promise<Operation> {
  for (;;) {
    const operation = await client.call('getOperation', { params: { id }, signal });
    if (isTerminal(operation)) return operation;
    await delay(OPERATION_POLL_MS, undefined, { signal });
  }
}
