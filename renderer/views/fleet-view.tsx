import { Button } from '@mantine/core';
import { Plus, Server } from 'lucide-react';
import { Link } from 'wouter';
import type { Host } from '../../preload/contract.ts';
import { formatPercent } from '../format.ts';
import { hostPath } from '../paths.ts';
import { useConsole, useDaemon, useMetrics } from '../state/hooks.ts';
import { diskPercent, memoryPercent } from '../state/metrics-series.ts';
import { hostMeaning, Mark } from '../ui/mark.tsx';
import { Empty } from '../ui/notice.tsx';
import { Sparkline } from '../ui/sparkline.tsx';
import { AppsTable } from './apps-table.tsx';
import { ConnectButton } from './connect-button.tsx';
import { ConnectionNotice } from './connection-notice.tsx';
import { HostClock } from './host-clock.tsx';

/** Every host and every app, at a glance. */
export function FleetView({ onAddHost }: { onAddHost(): void }) {
  const hosts = useConsole((state) => state.hosts);
  if (hosts === null) return <div className="nd-page" />;
  const addHost = (
    <Button variant={hosts.length === 0 ? 'filled' : 'default'} leftSection={<Plus size={14} />} onClick={onAddHost}>
      Add host
    </Button>
  );
  if (hosts.length === 0) {
    return (
      <div className="nd-page">
        <Empty
          icon={Server}
          title="No host yet"
          text="Add a Linux server that you reach over SSH. The console installs its daemon there; then you deploy."
        >
          {addHost}
        </Empty>
      </div>
    );
  }
  return (
    <div className="nd-page">
      <header className="nd-head nd-head-main">
        <h1 className="nd-grow">Fleet</h1>
        {addHost}
      </header>
      {hosts.map((host) => (
        <HostClock key={host.id} host={host.id}>
          <FleetHost host={host} />
        </HostClock>
      ))}
    </div>
  );
}

function FleetHost({ host }: { host: Host }) {
  const daemon = useDaemon(host.id);
  const apps = Object.values(daemon.apps);
  const isReady = host.connection.kind === 'connected' && host.daemon.kind === 'ready';
  return (
    <section className="nd-panel" aria-label={`Host ${host.name}`} data-host={host.name} data-production={host.production}>
      <header className="nd-fleet-head">
        <Link className="nd-link nd-fleet-name" href={hostPath(host.id)}>
          {host.name}
        </Link>
        <Mark meaning={hostMeaning(host)} testId="host-state" />
        {host.production ? <span className="nd-production-tag">Production</span> : null}
        <span className="nd-mono nd-dim nd-grow nd-ellipsis">
          {host.user}@{host.address}
        </span>
        {isReady ? <FleetFigures host={host} /> : null}
        {host.connection.kind === 'disconnected' ? <ConnectButton host={host} /> : null}
      </header>
      <FleetBody host={host} isReady={isReady} hasApps={apps.length > 0} problem={daemon.problem} />
      {apps.length > 0 ? <AppsTable host={host} apps={apps} operations={daemon.operations} /> : null}
    </section>
  );
}

interface FleetBodyProps {
  host: Host;
  isReady: boolean;
  hasApps: boolean;
  problem: string | null;
}

function FleetBody({ host, isReady, hasApps, problem }: FleetBodyProps) {
  if (!isReady && host.daemon.kind === 'absent' && host.connection.kind === 'connected') {
    return (
      <p className="nd-table-empty">
        No daemon on this server yet.{' '}
        <Link className="nd-link" href={hostPath(host.id)}>
          Install it
        </Link>{' '}
        to deploy here.
      </p>
    );
  }
  if (host.connection.kind === 'disconnected') return null;
  if (!isReady || problem !== null) return <ConnectionNotice host={host} problem={problem} />;
  if (hasApps) return null;
  return (
    <p className="nd-table-empty">
      No app here yet.{' '}
      <Link className="nd-link" href={hostPath(host.id)}>
        Open the host
      </Link>{' '}
      to deploy one.
    </p>
  );
}

function FleetFigures({ host }: { host: Host }) {
  const series = useMetrics(host.id);
  const { latest } = series;
  if (latest === null) return null;
  return (
    <dl className="nd-fleet-figures">
      <Figure name="CPU" percent={latest.cpu.percent} values={series.cpu_percent} />
      <Figure name="Memory" percent={memoryPercent(latest)} values={series.memory_percent} />
      <Figure name="Disk" percent={diskPercent(latest)} values={null} />
    </dl>
  );
}

/** From here on a figure deserves a look. */
const HIGH_PERCENT = 90;

function Figure({ name, percent, values }: { name: string; percent: number; values: readonly number[] | null }) {
  const isHigh = percent >= HIGH_PERCENT;
  return (
    <div data-high={isHigh}>
      <dt>{name}</dt>
      {values === null ? null : <Sparkline values={values} max={100} />}
      <dd className="nd-number">
        {formatPercent(percent)}
        {isHigh ? <span className="nd-hidden"> (high)</span> : null}
      </dd>
    </div>
  );
}
