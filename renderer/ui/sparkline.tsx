const WIDTH = 64;
const HEIGHT = 16;
/** The last minute. */
const VALUES_SHOWN = 60;

/** The shape of the last minute, a figure's companion; the figure says the value. */
export function Sparkline({ values, max }: { values: readonly number[]; max: number }) {
  const shown = values.slice(-VALUES_SHOWN);
  const step = WIDTH / (VALUES_SHOWN - 1);
  const start = WIDTH - (shown.length - 1) * step;
  const points = shown.map((value, index) => {
    const y = HEIGHT - 1 - (Math.min(Math.max(value, 0), max) / max) * (HEIGHT - 2);
    return `${(start + index * step).toFixed(1)},${y.toFixed(1)}`;
  });
  return (
    <svg className="nd-sparkline" width={WIDTH} height={HEIGHT} aria-hidden="true">
      <polyline points={points.join(' ')} />
    </svg>
  );
}
