/** Times and sizes as text with a unit, exactly: what is read from the text of a number is that number. */

const TIME_UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000 };
const SIZE_UNITS_BYTES: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
};
/** As they are written beside Docker's `--memory`. */
const SHORT_SIZES: Readonly<Record<string, string>> = { b: 'B', k: 'KiB', m: 'MiB', g: 'GiB', t: 'TiB' };

/** `30 s`, `500 ms`, `1 min`: the largest unit in which it is whole. */
export function formatTime(duration_ms: number): string {
  return inLargestUnit(duration_ms, ['h', 'min', 's', 'ms'], TIME_UNITS_MS);
}

/** Milliseconds of `30 s`, `1.5 min` or `30` (seconds); null where it is no time. */
export function parseTime(text: string): number | null {
  const parts = /^(\d+(?:\.\d+)?)\s*(ms|s|sec|seconds?|m|min|minutes?|h|hours?)?$/i.exec(text.trim());
  if (parts === null) return null;
  const unit = (parts[2] ?? 's').toLowerCase();
  const name = unit === 'ms' ? 'ms' : unit.startsWith('s') ? 's' : unit.startsWith('m') ? 'min' : 'h';
  return rounded(Number(parts[1]) * (TIME_UNITS_MS[name] ?? 1));
}

/** `512 MiB`, `1 GiB`, `1234 B`: the largest unit in which it is whole. */
export function formatSize(bytes: number): string {
  return inLargestUnit(bytes, ['TiB', 'GiB', 'MiB', 'KiB', 'B'], SIZE_UNITS_BYTES);
}

/** Bytes of `512 MiB`, `512m`, `1.5 GB` or `512` (MiB); null where it is no size. */
export function parseSize(text: string): number | null {
  const parts = /^(\d+(?:\.\d+)?)\s*([a-z]+)?$/i.exec(text.trim());
  if (parts === null) return null;
  const unit = parts[2] ?? 'MiB';
  const name =
    SHORT_SIZES[unit.toLowerCase()] ?? Object.keys(SIZE_UNITS_BYTES).find((each) => each.toLowerCase() === unit.toLowerCase());
  const factor = name === undefined ? undefined : SIZE_UNITS_BYTES[name];
  return factor === undefined ? null : rounded(Number(parts[1]) * factor);
}

function inLargestUnit(value: number, units: readonly string[], factors: Readonly<Record<string, number>>): string {
  const fits = (unit: string) => value !== 0 && value % (factors[unit] ?? 1) === 0;
  const unit = units.find(fits) ?? units.at(value === 0 ? -2 : -1) ?? '';
  return `${value / (factors[unit] ?? 1)} ${unit}`;
}

/** `0.1 s` is 100 ms, not 100.00000000000001; what is less than whole stays so, for the contract to refuse. */
const rounded = (value: number) => (Math.abs(value - Math.round(value)) < 1e-6 ? Math.round(value) : value);
