import { Box } from 'lucide-react';
import type { ReactNode } from 'react';
import type { Host } from '../../preload/contract.ts';
import { formatBytes, formatPercent, formatRate, formatUptime } from '../format.ts';
import { useDaemon, useMetrics } from '../state/hooks.ts';
import { diskPercent, type MetricsSeries, memoryPercent } from '../state/metrics-series.ts';
import { Chart } from '../ui/chart.tsx';
import { Empty } from '../ui/notice.tsx';
import { Panel } from '../ui/text.tsx';
import { AppsTable } from './apps-table.tsx';

/** A host's figures, live, and its apps. */
export function HostOverview({ host }: { host: Host }) {
  const series = useMetrics(host.id);
  const daemon = useDaemon(host.id);
  const apps = Object.values(daemon.apps);
  return (
    <>
      <div className="nd-charts">
        <ChartPanel title="CPU" figure={cpuText(series)}>
          <Chart
            testId="chart-cpu"
            label="CPU"
            time={series.time}
            series={cpuSeries(series)}
            format={formatPercent}
            tick={percentTick}
            max={100}
          />
        </ChartPanel>
        <ChartPanel title="Memory" figure={memoryText(series)}>
          <Chart
            testId="chart-memory"
            label="Memory"
            time={series.time}
            series={memorySeries(series)}
            format={formatPercent}
            tick={percentTick}
            max={100}
          />
        </ChartPanel>
        <ChartPanel title="Network" figure={<NetworkFigure series={series} />}>
          <Chart
            testId="chart-network"
            label="Network"
            time={series.time}
            series={networkSeries(series)}
            format={formatRate}
            tick={rateTick}
          />
        </ChartPanel>
      </div>
      <Figures series={series} />
      <Panel title={`Apps (${apps.length})`} flush>
        {daemon.isLoaded && apps.length === 0 ? (
          <Empty
            icon={Box}
            title="No app on this host yet"
            text="Deploy an image that is on the host. Bring one there with `nextdeploy images load` or a build on the server."
          />
        ) : (
          <AppsTable host={host} apps={apps} operations={daemon.operations} />
        )}
      </Panel>
    </>
  );
}

function ChartPanel({ title, figure, children }: { title: string; figure: ReactNode; children: ReactNode }) {
  return (
    <section className="nd-panel" aria-label={title}>
      <header className="nd-chart-head">
        <h2>{title}</h2>
        <span className="nd-number">{figure}</span>
      </header>
      {children}
    </section>
  );
}

const percentTick = (percent: number) => `${Math.round(percent)} %`;
const rateTick = (rate: number) => (rate === 0 ? '0' : formatRate(rate).replace('.0 ', ' '));

const cpuSeries = (series: MetricsSeries) => [{ label: 'CPU', values: series.cpu_percent }];
const memorySeries = (series: MetricsSeries) => [{ label: 'Memory', values: series.memory_percent }];
const networkSeries = (series: MetricsSeries) => [
  { label: 'Received', values: series.received_bytes_per_second },
  { label: 'Sent', values: series.sent_bytes_per_second },
];

function cpuText({ latest }: MetricsSeries): string {
  if (latest === null) return '–';
  return `${formatPercent(latest.cpu.percent)} of ${latest.cpu.cores} ${latest.cpu.cores === 1 ? 'core' : 'cores'}`;
}

function memoryText({ latest }: MetricsSeries): string {
  if (latest === null) return '–';
  const { used_bytes, total_bytes } = latest.memory;
  return `${formatPercent(memoryPercent(latest))} · ${formatBytes(used_bytes)} of ${formatBytes(total_bytes)}`;
}

function NetworkFigure({ series: { latest } }: { series: MetricsSeries }) {
  if (latest === null) return <>–</>;
  return (
    <span className="nd-row">
      <span className="nd-key" data-key="1">
        in {formatRate(latest.network.received_bytes_per_second)}
      </span>
      <span className="nd-key" data-key="2">
        out {formatRate(latest.network.sent_bytes_per_second)}
      </span>
    </span>
  );
}

function Figures({ series: { latest } }: { series: MetricsSeries }) {
  const figures: [string, string][] = [
    ['Disk', latest === null ? '–' : `${formatPercent(diskPercent(latest))} · ${formatBytes(latest.disk.available_bytes)} free`],
    ['Load 1 / 5 / 15 min', latest === null ? '–' : latest.load.map((load) => load.toFixed(2)).join(' / ')],
    ['Up for', latest === null ? '–' : formatUptime(latest.uptime)],
  ];
  return (
    <dl className="nd-figures">
      {figures.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd className="nd-number">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
