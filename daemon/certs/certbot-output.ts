/** What certbot's output says about a failure, for an operator to act on. Pure. */
import type { IssueFailure } from './ports.ts';

const CHARACTERS_MAX = 400;
/** RFC 8555 §6.7, and the words of Boulder and certbot. */
const LIMITED = /rateLimited|too many (?:requests|certificates|failed|new|registrations|currently)|Service busy/i;

/** `output`: both streams of a run that failed. */
export function explainCertbot(output: string): IssueFailure {
  const lines = output.split('\n').map((line) => line.trim());
  const details = lines.flatMap((line) => /^Detail:\s*(.+)$/.exec(line)?.[1] ?? []);
  const types = lines.flatMap((line) => /^Type:\s*(.+)$/.exec(line)?.[1] ?? []);
  const unexpected = lines.indexOf('An unexpected error occurred:');
  const told =
    details[0] ??
    (unexpected >= 0 ? lines.slice(unexpected + 1).find((line) => line !== '') : undefined) ??
    lines.findLast((line) => line !== '' && !/^(?:Saving debug log|Ask for help|- - )/.test(line)) ??
    'certbot said nothing';
  return { message: sentence(told, types[0]), ...limitIn(output) };
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
  if (/ConnectionError|Connection refused|Max retries|timed out.*acme|Failed to establish/i.test(short))
    return `The authority does not answer (${short}). What is served stays; it is tried again.`;
  if (LIMITED.test(text)) return `The authority limits requests: ${short}.`;
  if (type === 'dns' || /NXDOMAIN|no valid A/i.test(short)) return `${short}. Check the DNS records of the name.`;
  if (type !== undefined && /unauthorized|connection|incorrectResponse/.test(type))
    return `${short}. Check that its DNS points here and that port 80 is open.`;
  return `${short}.`;
}
