import 'uplot/dist/uPlot.min.css';
import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import { timeLabels, timeTicks } from './time-axis.ts';

const VALUES_WIDTH = 58;

export interface ChartSeries {
  label: string;
  values: readonly number[];
}

interface ChartProps {
  /** `chart-cpu` and so on: with `data-points` and `data-last` this is what a test reads. */
  testId: string;
  label: string;
  /** Seconds since the epoch, as long as each series. */
  time: readonly number[];
  /** One or two. */
  series: readonly ChartSeries[];
  format(value: number): string;
  /** As `format`, for the scale's round figures. */
  tick(value: number): string;
  /** Fixed top of the scale; otherwise it follows the values. */
  max?: number;
  height?: number;
}

/** A line chart of the last minutes, drawn anew with each sample. */
export function Chart({ testId, label, time, series, format, tick, max, height = 128 }: ChartProps) {
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const scheme = useComputedColorScheme('light');
  const labels = series.map((each) => each.label).join('\n');

  // biome-ignore lint/correctness/useExhaustiveDependencies: the scheme changes the colours that the plot reads from the style sheet
  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const made = new uPlot(
      plotOptions({ element, labels: labels.split('\n'), tick, max, height }),
      [[], ...labels.split('\n').map(() => [])],
      element,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [labels, tick, max, height, scheme]);

  // After the plot was made anew this runs too, for `scheme` is among its reasons.
  // biome-ignore lint/correctness/useExhaustiveDependencies: see above
  useEffect(() => {
    plot.current?.setData([[...time], ...series.map((each) => [...each.values])]);
  }, [time, series, scheme]);

  const last = series[0]?.values.at(-1);
  return (
    <div
      ref={frame}
      className="nd-chart"
      role="img"
      aria-label={last === undefined ? `${label}: no samples yet` : `${label}: ${format(last)}`}
      data-testid={testId}
      data-points={time.length}
      data-last={last ?? ''}
    />
  );
}

interface PlotSettings {
  element: HTMLElement;
  labels: readonly string[];
  tick(value: number): string;
  max: number | undefined;
  height: number;
}

function plotOptions({ element, labels, tick, max, height }: PlotSettings): uPlot.Options {
  const style = getComputedStyle(element);
  const token = (name: string) => style.getPropertyValue(name).trim();
  const font = `11px ${style.fontFamily}`;
  const axis = { stroke: token('--mantine-color-dimmed'), font, ticks: { show: false } };
  const grid = { stroke: token('--nd-chart-grid'), width: 1 };
  return {
    width: element.clientWidth,
    height,
    padding: [8, 18, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { range: timeRange }, y: { range: (_plot, _low, high) => [0, max ?? niceTop(high)] } },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 24,
        splits: (plot, _axis, from, to) => timeTicks(from, to, plot.width - VALUES_WIDTH),
        values: (_plot, ticks) => timeLabels(ticks),
      },
      { ...axis, grid, size: VALUES_WIDTH, space: 32, values: (_plot, ticks) => ticks.map(tick) },
    ],
    series: [
      {},
      ...labels.map((label, index) => ({
        label,
        stroke: token(`--nd-chart-${index + 1}`),
        width: 1.5,
        points: { show: false },
        ...(index === 0 ? { fill: token('--nd-chart-fill') } : {}),
      })),
    ],
  };
}

/** A minute at least: the first samples do not stretch over the whole width. */
function timeRange(_plot: uPlot, first: number, last: number): [number, number] {
  return [Math.min(first, last - 60), last];
}

/** Room above the highest value, and a line near the ground where there is only noise. */
function niceTop(high: number | null): number {
  return Math.max(1_000, (high ?? 0) * 1.15);
}
