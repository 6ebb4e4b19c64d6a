/** Asks the program inside the server (agent/) for measurements. */
import type { Bed } from '../bed/bed.ts';
import type { AgentAnswer, AgentCall, AgentRequest } from './agent/protocol.ts';
import { expectSuccess, installNode, installProgram, REMOTE_NODE } from './server-tools.ts';

/** How much longer than the measurement itself its program may take to start and end. */
const START_MS_MAX = 20_000;

export type Agent = <C extends AgentCall>(call: C, request: AgentRequest<C>, deadline_ms: number) => Promise<AgentAnswer<C>>;

export async function installAgent(bed: Bed, signal: AbortSignal): Promise<Agent> {
  await installNode(bed);
  const program = await installProgram(bed, 'agent/main.ts');
  return async (call, request, deadline_ms) => {
    signal.throwIfAborted();
    const options = { input: JSON.stringify({ request, deadline_ms }), timeoutMs: deadline_ms + START_MS_MAX };
    const answer = await unlessAborted(signal, expectSuccess(bed, [REMOTE_NODE, program, call], options));
    // Printed by the same version of this program.
    return JSON.parse(answer) as AgentAnswer<typeof call>;
  };
}

/** Goes on at once when aborted: the program in the server ends with the server. */
async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    work.catch(() => undefined);
  }
}
