/** The program that measures inside the server: `main.mjs CALL`, the request as JSON on stdin, the answer as JSON on stdout. */
import { text } from 'node:stream/consumers';
import { measureFloor, measureSwap } from './cold.ts';
import { measureBaseline, measureChurn, measureReloads, measureSwaps } from './loaded.ts';
import type { AgentAnswer, AgentCall, AgentRequest } from './protocol.ts';
import { measureStreams } from './streams.ts';
import { measureThroughput } from './throughput.ts';

type Measure<C extends AgentCall> = (request: AgentRequest<C>, signal: AbortSignal) => Promise<AgentAnswer<C>>;

const CALLS: { [C in AgentCall]: Measure<C> } = {
  floor: measureFloor,
  swap: measureSwap,
  baseline: measureBaseline,
  swaps: measureSwaps,
  churn: measureChurn,
  reloads: measureReloads,
  streams: measureStreams,
  throughput: measureThroughput,
};

const call = process.argv[2];
if (call === undefined || !isAgentCall(call)) throw new Error(`there is no measurement ${call}`);
const answer = await measure(call, await text(process.stdin));
// Connections to the daemon are kept alive; the answer is complete all the same.
process.stdout.write(JSON.stringify(answer), () => process.exit(0));

function isAgentCall(name: string): name is AgentCall {
  return Object.hasOwn(CALLS, name);
}

async function measure<C extends AgentCall>(name: C, input: string): Promise<AgentAnswer<C>> {
  // Written by the same version of this program, on the other side of `docker exec`.
  const { request, deadline_ms } = JSON.parse(input) as { request: AgentRequest<C>; deadline_ms: number };
  return CALLS[name](request, AbortSignal.timeout(deadline_ms));
}
