/** What single flags hold, as the contract's values. Pure; only the form is read here, the daemon checks the values. */
import type { Hook, Redirect, Volume } from '../contract/configuration.ts';
import { DomainError } from '../contract/errors.ts';
import { parseDuration } from './format.ts';

const wrong = (flag: string, takes: string, text: string) =>
  new DomainError('invalid_request', `${flag} takes ${takes}, not "${text}".`);

export function whole(flag: string, text: string): number {
  if (/^[0-9]{1,9}$/.test(text)) return Number(text);
  throw wrong(flag, 'a whole number', text);
}

export function decimal(flag: string, text: string): number {
  if (/^[0-9]{1,9}(\.[0-9]{1,3})?$/.test(text)) return Number(text);
  throw wrong(flag, 'a number such as 2 or 0.5', text);
}

/** In milliseconds. */
export function duration(flag: string, text: string): number {
  const parsed = parseDuration(text);
  if (parsed !== null) return parsed;
  throw wrong(flag, 'a duration such as 500ms, 30s or 2m', text);
}

/** As RFC 3339 begins; the daemon checks the rest. */
const TIME = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:/;

/** `10m` as the time so long ago or ahead; a time as it is, for its nanoseconds. */
export function time(flag: string, text: string, now_ms: number, direction: 'ago' | 'ahead'): string {
  const away = parseDuration(text);
  const then = new Date(direction === 'ago' ? now_ms - (away ?? 0) : now_ms + (away ?? 0));
  if (away !== null && !Number.isNaN(then.getTime())) return then.toISOString();
  if (TIME.test(text)) return text;
  throw wrong(flag, 'a duration such as 30m, 2h or 7d, or a time such as 2027-01-02T03:04:05Z', text);
}

/** For a flag that may be given several times. */
export const repeated = (value: string, before: string[] | false | undefined) => [...(before || []), value];

const UNITS = ['b', 'k', 'm', 'g', 't'];

/** `512m`, `2g` or plain bytes, in bytes; a unit is 1024 of the one before, as in Docker. */
export function size(flag: string, text: string): number {
  const [, amount, unit] = /^([0-9]{1,15}(?:\.[0-9]{1,3})?)([bkmgt])?$/i.exec(text) ?? [];
  if (amount === undefined) throw wrong(flag, 'a size such as 512m or 2g', text);
  return Math.round(Number(amount) * 1024 ** Math.max(0, UNITS.indexOf((unit ?? 'b').toLowerCase())));
}

/** A number of bytes as {@link size} reads it. */
export function showSize(bytes: number): string {
  const power = UNITS.findLastIndex((_, index) => bytes > 0 && bytes % 1024 ** index === 0);
  return power <= 0 ? `${bytes}b` : `${bytes / 1024 ** power}${UNITS[power]}`;
}

/** `204`, or `200-299`. */
export function statusRange(flag: string, text: string): { min: number; max: number } {
  const [, min, max] = /^([0-9]{3})(?:-([0-9]{3}))?$/.exec(text) ?? [];
  if (min === undefined) throw wrong(flag, 'an HTTP status such as 204, or a range such as 200-299', text);
  return { min: Number(min), max: Number(max ?? min) };
}

/** `FROM[=TO][:STATUS]` */
export function redirect(text: string): Pick<Redirect, 'from'> & Partial<Redirect> {
  const [, from, to, status] = /^([^=:]+)(?:=([^=:]+))?(?::([0-9]{3}))?$/.exec(text) ?? [];
  if (from === undefined) throw wrong('--redirect', 'FROM, FROM=TO or FROM=TO:STATUS', text);
  return {
    from,
    ...(to === undefined ? {} : { to }),
    ...(status === undefined ? {} : { status: Number(status) as Redirect['status'] }), // the daemon refuses any other number
  };
}

export function showRedirect({ from, to, status }: Redirect): string {
  return `${from}${to === undefined ? '' : `=${to}`}:${status}`;
}

/** `NAME:/path[:ro]` */
export function namedVolume(text: string): Volume {
  const [name, target, read_only] = mount('--volume', 'NAME:/path or NAME:/path:ro', text);
  if (name.includes('/')) {
    throw new DomainError(
      'invalid_request',
      `--volume takes a name, not the path ${name}; mount a directory with --bind ${text}.`,
    );
  }
  return { kind: 'volume', name, target, read_only };
}

/** `/host:/path[:ro]` */
export function bindMount(text: string): Volume {
  const [source, target, read_only] = mount('--bind', '/host:/path or /host:/path:ro', text);
  if (!source.startsWith('/')) {
    throw new DomainError('invalid_request', `--bind takes an absolute path, not ${source}; a named volume is --volume ${text}.`);
  }
  return { kind: 'bind', source, target, read_only };
}

function mount(flag: string, takes: string, text: string): [from: string, target: string, read_only: boolean] {
  const [, from, target, mode] = /^([^:]+):([^:]+)(?::(ro|rw))?$/.exec(text) ?? [];
  if (from === undefined || target === undefined) throw wrong(flag, takes, text);
  return [from, target, mode === 'ro'];
}

export function showVolume(volume: Volume): string {
  return `${volume.kind === 'volume' ? volume.name : volume.source}:${volume.target}${volume.read_only ? ':ro' : ''}`;
}

/** What a shell would act on. Without one it would reach the program as it stands, which nobody means. */
const SHELL_CHARACTERS = /["'`\\$|&;<>()*?~#]/;

/**
 * A program and its arguments: words parted by blanks, or a JSON array where an argument holds a blank or a character that
 * a shell would act on. Nothing else is read into it, since no shell runs it.
 */
export function command(flag: string, text: string): Hook['command'] {
  if (text.trimStart().startsWith('[')) {
    const words = parseWords(text);
    if (words !== null) return words;
    throw wrong(flag, 'a JSON array of words, such as ["sh", "-c", "migrate && seed"]', text);
  }
  if (SHELL_CHARACTERS.test(text)) {
    throw new DomainError(
      'invalid_request',
      `${flag} is run without a shell, so quotes and signs mean nothing in it; give it as a JSON array, such as ["sh", "-c", "migrate && seed"].`,
    );
  }
  const words = text.split(/\s+/).filter((word) => word !== '');
  if (words.length === 0) throw wrong(flag, 'a program and its arguments', text);
  return words;
}

function parseWords(text: string): string[] | null {
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) && parsed.every((word) => typeof word === 'string') ? parsed : null;
  } catch {
    return null;
  }
}

/** As {@link command} reads it. */
export function showCommand(words: Hook['command']): string {
  const isPlain =
    words.every((word) => word !== '' && !/\s/.test(word) && !SHELL_CHARACTERS.test(word)) && !words[0]?.startsWith('[');
  return isPlain ? words.join(' ') : JSON.stringify(words);
}
