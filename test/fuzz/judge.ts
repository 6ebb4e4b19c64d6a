/** What is wrong with how a case was answered. Pure. */

import type { Role } from '../../daemon/contract/domain.ts';
import { ERROR_CODES, errorResponseSchema } from '../../daemon/contract/errors.ts';
import type { Route } from '../../daemon/contract/route.ts';
import { routes } from '../../daemon/contract/routes.ts';
import type { Stream } from '../../daemon/contract/streams.ts';
import { streams } from '../../daemon/contract/streams.ts';
import type { Answer } from './answers.ts';
import { parseAnswers } from './answers.ts';
import { type CallerName, type Case, isHeldBack } from './case.ts';
import type { Outcome } from './deliver.ts';

/**
 * `5xx`: but for what is honestly not there. `unanswered`: silence, or a connection cut, where an answer was due. `malformed`: an answer that is not as
 * the contract says. `admitted`: somebody got what their role does not give them.
 */
export type Fault = '5xx' | 'unanswered' | 'malformed' | 'admitted';
export interface Complaint {
  fault: Fault;
  detail: string;
}

/** A 503 that says the truth about something else than the daemon. By what it says, because the code alone is anybody's. */
const HONEST: readonly { reason: string; message: RegExp; without_docker?: true }[] = [
  { reason: 'Docker is not there', message: /^Docker does not answer; see/, without_docker: true },
  {
    reason: 'the proxies are not there either',
    message: /^There is no (?:\S+; install Caddy|directory \S+; make it)|^(?:Caddy|nginx) (?:does not run|is not installed)/,
    without_docker: true,
  },
  { reason: 'a provider of secrets is not there', message: /^The secrets of .* cannot be pulled: / },
  {
    reason: 'so many at once are not served',
    message: /^The daemon has too many requests in hand|^The daemon serves \d+ streams already/,
  },
];

export function complaintsAbout(test: Case, { heard, ending }: Outcome, { has_docker }: { has_docker: boolean }): Complaint[] {
  const { answers, garbage } = parseAnswers(heard);
  const complaints: Complaint[] = answers.flatMap((answer) => wrongIn(answer, has_docker));
  if (garbage !== null) complaints.push({ fault: 'malformed', detail: `this is no HTTP: ${garbage}` });
  if (test.must_be_answered && answers.every(({ status }) => status === 100))
    complaints.push({ fault: 'unanswered', detail: `nothing came, and the connection was ${ending}` });
  const opened = answers.find(({ status }) => status === 101 || (status >= 200 && status < 300));
  if (opened !== undefined && test.is_on_target && !isAllowed(test))
    complaints.push({ fault: 'admitted', detail: `${test.caller} was answered with ${opened.status}` });
  return complaints;
}

const RANK: Record<Role, number> = { viewer: 0, operator: 1, admin: 2 };
const ROLES: Partial<Record<CallerName, Role>> = { admin: 'admin', operator: 'operator', viewer: 'viewer', limited: 'operator' };

function isAllowed({ target, caller }: Case): boolean {
  const definition: Route | Stream =
    target in routes ? routes[target as keyof typeof routes] : streams[target as keyof typeof streams];
  if (definition.role === null) return true;
  const role = isHeldBack(caller) ? undefined : ROLES[caller];
  return role !== undefined && RANK[role] >= RANK[definition.role] && !(caller === 'limited' && definition.apps === 'never');
}

/** Whether anything in it could be taken for a change. */
export function asksForChange(test: Case): boolean {
  return /POST|DELETE/.test(sentBy(test));
}

/** All of it: a method may come in pieces. */
const sentBy = ({ steps }: Case) => steps.map((step) => ('send' in step ? step.send : '')).join('');

/** Whether something was done, or may have been, that is allowed to change what is kept. */
export function mayHaveChanged(test: Case, { heard }: Outcome): boolean {
  if (!asksForChange(test)) return false;
  const { answers } = parseAnswers(heard);
  if (answers.some(isDone)) return true;
  // Whoever has no valid token may do nothing, heard or unheard.
  if (isHeldBack(test.caller)) return false;
  return answers.length === 0 || answers.length < (sentBy(test).match(/ HTTP\/1\.1\r\n/g)?.length ?? 0);
}

/** A change that was made, or an operation that was begun, whatever became of it. */
function isDone({ status, body }: Answer): boolean {
  return (status >= 200 && status < 300) || (status !== 409 && body.includes('"operation_id":"'));
}

const STATUS_OF = new Map<string, number>(Object.entries(ERROR_CODES).map(([code, { http_status }]) => [code, http_status]));
/** Finer than the code's own (RFC 9110). */
const METHOD_NOT_ALLOWED = 405;

/** Names that the daemon sends, none of which a caller can add to. */
const HEADER_NAMES: ReadonlySet<string> = new Set([
  ...[
    'x-nextdeploy-api',
    'content-type',
    'content-length',
    'cache-control',
    'x-content-type-options',
    'date',
    'connection',
    'keep-alive',
  ],
  ...['allow', 'upgrade', 'sec-websocket-accept', 'sec-websocket-version', 'transfer-encoding', 'content-disposition'],
]);

function wrongIn(answer: Answer, has_docker: boolean): Complaint[] {
  const { status, headers, body } = answer;
  if (status < 200) return [];
  const strange = [...headers.keys()].filter((name) => !HEADER_NAMES.has(name));
  const malformed = (detail: string): Complaint => ({ fault: 'malformed', detail: `${status}: ${detail}` });
  const complaints = strange.length > 0 ? [malformed(`unknown headers ${strange.join(', ')}`)] : [];
  if (headers.get('x-nextdeploy-api') === undefined)
    complaints.push(malformed(`it is not the daemon's own: ${body.subarray(0, 200).toString()}`));
  // Cut off, because the caller left.
  if (status < 400 || body.length < Number(headers.get('content-length') ?? 0)) return complaints;
  const parsed = errorResponseSchema.safeParse(jsonOf(body));
  if (!parsed.success) {
    // To HEAD there is no body.
    return body.length === 0 && status < 500
      ? complaints
      : [...complaints, malformed(`this is no error of the contract: ${body.subarray(0, 300).toString()}`)];
  }
  const { message, payload } = parsed.data;
  const isOwn = STATUS_OF.get(payload.code) === status || (status === METHOD_NOT_ALLOWED && payload.code === 'invalid_request');
  if (!isOwn) complaints.push(malformed(`its code is ${payload.code}`));
  if (status >= 500 && !isHonest(payload.code, message, has_docker))
    complaints.push({ fault: '5xx', detail: `${status} ${payload.code}: ${message}` });
  return complaints;
}

function isHonest(code: string, message: string, has_docker: boolean): boolean {
  return code === 'unavailable' && HONEST.some((each) => each.message.test(message) && !(each.without_docker && has_docker));
}

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}
