/** The case of a seed and an index, made from the contract's tables alone: what joins those joins the fuzz. Pure. */
import { type CallerName, type Case, isHeldBack, type Step } from './case.ts';
import { STREAM_NAMES, streamDraft } from './frames.ts';
import { Random } from './random.ts';
import { type Draft, draftOf, mutated, ROUTE_NAMES, written } from './requests.ts';
import { wireSteps } from './wire.ts';

/** For an honest answer, also on a machine that is busy. */
const ANSWER_MS_MAX = 15_000;
/** For bytes that may deserve none. */
const SILENCE_MS = 60;

/** Most are of those who may do most: what they are refused is refused by the contract. */
const CALLERS_BY_WEIGHT: readonly CallerName[] = [
  ...Array.from({ length: 12 }, () => 'admin' as const),
  ...Array.from({ length: 4 }, () => 'operator' as const),
  ...(['viewer', 'viewer', 'limited', 'limited', 'expired', 'revoked', 'made_up', 'none'] as const),
];

export function caseOf(seed: number, index: number): Case {
  const random = new Random(seed, index);
  const caller = random.pick(CALLERS_BY_WEIGHT);
  const kind = random.pick(['request', 'request', 'request', 'request', 'request', 'wire', 'wire', 'stream'] as const);
  const listener = random.chance(0.15) ? 'tcp' : 'socket';
  return {
    id: `${seed}:${index}`,
    kind,
    caller,
    listener,
    ...(kind === 'stream' ? streamCase(caller, random) : httpCase(kind, caller, random)),
  };
}

type Made = Pick<Case, 'target' | 'is_on_target' | 'steps' | 'must_be_answered' | 'patience_ms'>;

function httpCase(kind: 'request' | 'wire', caller: CallerName, random: Random): Made {
  const target = random.pick(ROUTE_NAMES);
  const base = draftOf(target, caller, random);
  if (kind === 'wire')
    return {
      target,
      is_on_target: false,
      steps: wireSteps(base, caller, random),
      must_be_answered: false,
      patience_ms: SILENCE_MS,
    };
  // A few are left as they are: what is refused then is refused in a state that changes.
  const draft = random.chance(0.2) ? base : mutated(base, random);
  const steps: Step[] = [{ send: written(draft, { framing: random.pick(['length', 'length', 'chunked']) }) }];
  const must_be_answered = !isHeldBack(caller) && !hasOtherBearer(draft) && !isOddForHttp(draft);
  return {
    target,
    is_on_target: draft.is_on_target && !hasOtherBearer(draft),
    steps,
    must_be_answered,
    patience_ms: must_be_answered ? ANSWER_MS_MAX : 4 * SILENCE_MS,
  };
}

/** Waits for the end of an operation, or leaves the connection open, or for Node's parser to say how it goes on. */
function isOddForHttp({ method, query, headers }: Draft): boolean {
  const isOdd = headers.some(([name]) => name === 'Connection' || name === 'Expect');
  return /(^|&)wait=/.test(query) || isOdd || method === 'HEAD' || method === 'QUERY';
}

const hasOtherBearer = ({ headers }: Draft) =>
  headers.some(([name, value]) => name === 'Authorization' && !/^Bearer \{\{\w+\}\}$/.test(value));

function streamCase(caller: CallerName, random: Random): Made {
  const target = random.pick(STREAM_NAMES);
  const { steps, is_on_target } = streamDraft(target, caller, random);
  return { target, is_on_target, steps, must_be_answered: false, patience_ms: SILENCE_MS };
}
