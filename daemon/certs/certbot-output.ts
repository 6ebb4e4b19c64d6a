/** What certbot's output says about a failure, for an operator to act on. Pure. */
import type { IssueFailure } from './ports.ts';

const CHARACTERS_MAX = 400;
/** In JSON, RFC 7807. */
const PROBLEM = /"type":\s*"urn:ietf:params:acme:error:(\w+)",\s*"detail":\s*"((?:[^"\\]|\\.)*)"/g;
/** RFC 8555 §6.7, and the words of Boulder and certbot. */
const LIMITED = /rateLimited|too many (?:requests|certificates|failed|new|registrations|currently)|Service busy/i;
const UNREACHABLE =
  /ConnectionError|Connection refused|Max retries exceeded|Failed to establish|dial tcp|timed? ?out|no such host|Name or service not known/i;

/**
 * `output`: both streams of a run that failed. `log`: its log file. certbot 2.1 on Python 3.11 stumbles over a problem that it is answered
 * with, and says `AttributeError: can't set attribute`; what it was answered is in its log.
 */
export function explainCertbot(output: string, log: string): IssueFailure {
  const lines = output.split('\n').map((line) => line.trim());
  const found = (pattern: RegExp) => lines.map((line) => pattern.exec(line)?.[1]).find((text) => text !== undefined);
  const detail = found(/^Detail:\s*(.+)$/);
  if (detail !== undefined) return { message: sentence(detail, found(/^Type:\s*(.+)$/)), ...limitIn(output) };
  const problem = lastProblem(log);
  if (problem !== null)
    return { message: sentence(problem.detail, problem.type), ...limitIn(`${problem.type} ${problem.detail}`) };
  const unexpected = lines.indexOf('An unexpected error occurred:');
  const told =
    (unexpected >= 0 ? lines.slice(unexpected + 1).find((line) => line !== '') : undefined) ??
    lines.findLast((line) => line !== '' && !/^(?:Saving debug log|Ask for help|- - )/.test(line)) ??
    'certbot said nothing';
  return { message: sentence(told), ...limitIn(output) };
}

/** What the authority was last answering that ended the order; a nonce that was refused is only asked for anew. */
function lastProblem(log: string): { type: string; detail: string } | null {
  const problems = [...log.matchAll(PROBLEM)].map(([, type = '', detail = '']) => ({ type, detail: unescaped(detail) }));
  return problems.findLast(({ type }) => type !== 'badNonce') ?? null;
}

function unescaped(text: string): string {
  try {
    return String(JSON.parse(`"${text}"`));
  } catch {
    return text;
  }
}

/** Whether an authority's problem is a rate limit, and until when. */
export function limitIn(text: string): Pick<IssueFailure, 'is_rate_limited' | 'retry_after'> {
  const at = /retry after (\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)/i.exec(text)?.[1];
  const time = at === undefined ? Number.NaN : Date.parse(`${at.replace(' ', 'T')}Z`);
  return { is_rate_limited: LIMITED.test(text), retry_after: Number.isNaN(time) ? null : new Date(time) };
}

/** One sentence of what an authority answered, with what helps against the usual causes. */
export function sentence(text: string, type?: string): string {
  const short = text
    .replace(/\s+/g, ' ')
    .slice(0, CHARACTERS_MAX)
    .replace(/[.\s]+$/, '');
  if (type === 'rateLimited' || LIMITED.test(text)) return `The authority limits requests: ${short}.`;
  if (type === undefined && UNREACHABLE.test(short))
    return `The authority does not answer (${short}). What is served stays, and it is tried again later.`;
  if (type === 'dns' || /NXDOMAIN|no valid A/i.test(short)) return `${short}. Check the DNS records of the name.`;
  if (type !== undefined && /unauthorized|connection|incorrectResponse/.test(type))
    return `${short}. Check that its DNS points here and that port 80 is open.`;
  return `${short}.`;
}
