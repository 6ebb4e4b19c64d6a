import type { ProxyType, TlsMode } from '../daemon/contract/names.ts';

/** How figures are written in every view: short, of constant width where they change. */

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** `1536` → `1.5 kB`; powers of 1000, as disks and networks are sold. */
export function formatBytes(bytes: number): string {
  let value = Math.max(0, bytes);
  let unit = 0;
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${BYTE_UNITS[unit]}`;
}

export const formatRate = (bytes_per_second: number): string => `${formatBytes(bytes_per_second)}/s`;
export const formatPercent = (percent: number): string => `${percent.toFixed(percent < 10 ? 1 : 0)} %`;

/** `950` → `0.95 s`, `75000` → `1 min 15 s`. */
export function formatDuration(duration_ms: number): string {
  const seconds = Math.max(0, duration_ms) / 1000;
  if (seconds < 10) return `${seconds.toFixed(2)} s`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Seconds since boot → `12 d 4 h`. */
export function formatUptime(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (hours >= 24) return `${Math.floor(hours / 24)} d ${hours % 24} h`;
  return hours > 0 ? `${hours} h ${minutes % 60} min` : `${minutes} min`;
}

/** `just now`, `42 s ago`, `3 min ago`, `5 h ago`, `12 d ago`; times to come are `just now` (clocks differ). */
export function formatAgo(from_ms: number, now_ms: number): string {
  const seconds = Math.floor((now_ms - from_ms) / 1000);
  if (seconds < 5) return 'just now';
  if (seconds < 60) return `${seconds} s ago`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ago`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ago` : `${Math.floor(hours / 24)} d ago`;
}

/** `in 20 min`, `in 5 h`, `in 12 d`; what is over, or as good as, is `now`. */
export function formatAhead(to_ms: number, now_ms: number): string {
  const minutes = Math.floor((to_ms - now_ms) / 60_000);
  if (minutes < 1) return 'now';
  if (minutes < 60) return `in ${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `in ${hours} h` : `in ${Math.floor(hours / 24)} d`;
}

const two = (value: number) => String(value).padStart(2, '0');

/** Local time of day with milliseconds, as log lines carry it. Empty for what is not a time. */
export function formatClock(ts: string): string {
  const date = new Date(ts);
  if (Number.isNaN(date.getTime())) return '';
  const milliseconds = String(date.getMilliseconds()).padStart(3, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${milliseconds}`;
}

/** Local date and time to the second: `2025-11-22 09:14:03`. */
export function formatDateTime(ts: string): string {
  const date = new Date(ts);
  if (Number.isNaN(date.getTime())) return ts;
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** `sha256:0123456789abcdef…` → `0123456789ab`, as `docker images` prints ids. */
export const shortId = (id: string): string => id.replace(/^sha256:/, '').slice(0, 12);

/** `registry.example.com/team/shop:1.4` → `shop:1.4`. */
export const shortReference = (reference: string): string => reference.slice(reference.split('@')[0]!.lastIndexOf('/') + 1); // split gives at least one part

const PROXY_NAME: Record<ProxyType, string> = { caddy: 'Caddy', nginx: 'nginx' };
export const proxyName = (proxy: ProxyType): string => PROXY_NAME[proxy];

const TLS_TEXT: Record<TlsMode, string> = { auto: 'managed', import: 'own certificate', off: 'off' };
export const tlsText = (tls: TlsMode): string => TLS_TEXT[tls];

/** A configured time, without digits that say nothing: `30 s`, `1 min`, `0.5 s`. */
export function formatSetting(duration_ms: number): string {
  const seconds = duration_ms / 1000;
  return seconds >= 60 && seconds % 60 === 0 ? `${seconds / 60} min` : `${Number(seconds.toFixed(2))} s`;
}

/** With a capital letter at its start, unless that would change a name or a path: `use a port` → `Use a port`. */
export const sentence = (text: string): string =>
  /^(?!nginx\b)[a-z]+(?=[\s,;]|$)/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;

/** Whether `text` tells nothing beyond what `said` has told: the same words, whatever their case and their end. */
export const repeats = (said: string, text: string): boolean => plain(said).includes(plain(text));
const plain = (text: string) =>
  text
    .trim()
    .toLowerCase()
    .replace(/[.…]+$/, '');
