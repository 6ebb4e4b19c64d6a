/** What is different between two releases, as lines. No variable's value is in them. Pure. */
import type { Difference } from '../contract/compare.ts';
import type { Hook, Redirect, Volume } from '../contract/configuration.ts';
import { showCommand, showRedirect, showSize, showVolume } from './flag-values.ts';
import { pairs, span } from './format.ts';

const ENV = 'env.';

/** A line each, `field  from → to`; the variables together in one, by name. */
export function differenceLines(differences: readonly Difference[]): string[] {
  const lines: [string, string][] = differences
    .filter(({ field }) => !field.startsWith(ENV))
    .flatMap(narrow)
    .map(({ field, from, to }) => [label(field), `${show(field, from)} → ${show(field, to)}`]);
  const variables = differences.filter(({ field }) => field.startsWith(ENV)).map(describeVariable);
  if (variables.length > 0) lines.push(['env', variables.join(', ')]);
  if (lines.length === 0) return [];
  return pairs(lines)
    .split('\n')
    .map((line) => `  ${line}`);
}

/** What something has beyond what it is compared with, in one line. */
export function summaryOf(differences: readonly Difference[]): string {
  const fields = differences.filter(({ field }) => !field.startsWith(ENV)).flatMap(narrow);
  const variables = differences.filter(({ field, to }) => field.startsWith(ENV) && to !== null);
  return [
    ...fields.map(({ field, to }) => `${label(field)} ${show(field, to)}`),
    ...(variables.length === 0 ? [] : [`env ${variables.map(({ field }) => field.slice(ENV.length)).join(' ')}`]),
  ].join(', ');
}

function describeVariable({ field, from, to }: Difference): string {
  const change = from === null ? 'added' : to === null ? 'removed' : 'changed';
  return `${field.slice(ENV.length)} ${change}`;
}

const label = (field: string) => field.replace(/_ms$/, '').replace(/_bytes(?=$|_max$)/, '');

/** Of two objects of one kind, such as health checks, only the fields that differ. */
function narrow(difference: Difference): Difference[] {
  const [from, to] = [parse(difference.from), parse(difference.to)];
  if (!isObject(from) || !isObject(to) || from.kind !== to.kind) return [difference];
  return [...new Set([...Object.keys(from), ...Object.keys(to)])].flatMap((key) => {
    const [was, is] = [textOf(from, key), textOf(to, key)];
    return was === is ? [] : [{ field: `${difference.field}.${key}`, from: was, to: is }];
  });
}

function textOf(object: Record<string, unknown>, key: string): string | null {
  const value = Object.hasOwn(object, key) ? object[key] : undefined;
  if (value === undefined) return null;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** A field's value as a flag would take it, where there is one. */
function show(field: string, text: string | null): string {
  if (text === null || text === '[]' || text === '{}') return 'none';
  const value = parse(text);
  if (field.endsWith('_ms')) return span(Number(text));
  if (field.endsWith('_bytes') || field.endsWith('_bytes_max')) return showSize(Number(text));
  if (Array.isArray(value))
    return field.endsWith('.command') ? showCommand(value as Hook['command']) : value.map(showItem).join(' ');
  if (!isObject(value)) return text;
  if ('command' in value) return showCommand(value.command as Hook['command']);
  if (field.endsWith('.status')) return `${String(value.min)}-${String(value.max)}`;
  return Object.keys(value)
    .toSorted((a, b) => Number(b === 'kind') - Number(a === 'kind'))
    .map((key) =>
      key === 'kind' ? String(value[key]) : `${label(key)} ${show(key === 'status' ? '.status' : key, textOf(value, key))}`,
    )
    .join(', ');
}

/** Of the lists of a configuration: the fields say which it is. */
function showItem(item: unknown): string {
  if (!isObject(item)) return String(item);
  if ('target' in item) return showVolume(item as unknown as Volume);
  return 'from' in item ? showRedirect(item as unknown as Redirect) : JSON.stringify(item);
}

/** Objects and lists only: the rest is text already. */
function parse(text: string | null): unknown {
  if (text === null || !/^[[{]/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
