/**
 * What a running nginx says that it serves. It has no interface for that, so each of our files brings a server that answers with the
 * file's generation, at an address of this host's own.
 *
 * The address is a further one of 127.0.0.0/8 on the port that nginx has open anyway. So nginx opens nothing for it: a Unix socket left
 * by a killed nginx, or a port that somebody else has taken, would keep the whole nginx from its next start. Pure.
 */
import { shortHash } from '../generation.ts';

export const STATUS_ADDRESS = '127.213.0.1';

/** The name to ask for at {@link STATUS_ADDRESS}; none that a visitor can have in mind (RFC 6761), and of a length that fits. */
export function statusName(app: string): string {
  return `${shortHash(app)}.nextdeploy.invalid`;
}

/** What is wrong, in a few words; null when nginx runs with this generation of the app's file, or with none where null is wanted. */
export function findDifference(answer: string | null, app: string, generation: string | null): string | null {
  const [served, running] = (answer ?? '').trim().split(' ');
  if (generation === null) return served === app ? 'it still serves the route' : null;
  return served === app && running === generation ? null : 'it does not run with the new route';
}
