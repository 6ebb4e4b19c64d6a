/** Steps between labels, in seconds. All divide an hour, so that labels stand at round times in every time zone. */
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 180, 300, 600, 900, 1_800, 3_600];
/** A label with its gap; with seconds it is longer. */
const LABEL_PX = 58;
const LABEL_WITH_SECONDS_PX = 80;

/**
 * Where the labels of a time axis stand: at round times, as many as fit without touching, and two at least. `from` and
 * `to` in seconds since the epoch; none before the first sample.
 */
export function timeTicks(from: number, to: number, width_px: number): number[] {
  const span = to - from;
  if (!(from > 0) || !(span > 0) || width_px <= 0) return [];
  const fits = (step: number) => (span / step) * (step < 60 ? LABEL_WITH_SECONDS_PX : LABEL_PX) <= width_px;
  const step = STEPS.filter((each) => each <= span / 2).find(fits) ?? STEPS.findLast((each) => each <= span / 2);
  if (step === undefined) return [];
  const first = Math.ceil(from / step) * step;
  return Array.from({ length: Math.floor((to - first) / step) + 1 }, (_, index) => first + index * step);
}

/** `11:42`, or `11:42:30` where one of the labels is not at a whole minute. */
export function timeLabels(ticks: readonly number[]): string[] {
  const hasSeconds = ticks.some((tick) => tick % 60 !== 0);
  return ticks.map((tick) => {
    const date = new Date(tick * 1000);
    const parts = [date.getHours(), date.getMinutes(), ...(hasSeconds ? [date.getSeconds()] : [])];
    return parts.map((part) => String(part).padStart(2, '0')).join(':');
  });
}
