import { ActionIcon, Button, Group, Menu, Tabs } from '@mantine/core';
import { Ellipsis, Pencil, Plug, Rocket, Trash2, Unplug, Upload } from 'lucide-react';
import { useState } from 'react';
import { useLocation } from 'wouter';
import type { Release } from '../../daemon/contract/domain.ts';
import type { Host } from '../../preload/contract.ts';
import { ConfirmDialog } from '../dialogs/confirm-dialog.tsx';
import { DeployDialog } from '../dialogs/deploy-dialog.tsx';
import { HostDialog } from '../dialogs/host-dialog.tsx';
import { FLEET_PATH, HOST_TABS, type HostTab, hostPath } from '../paths.ts';
import { operationsOf } from '../state/daemon-data.ts';
import { useActions, useConsole, useDaemon } from '../state/hooks.ts';
import { lookUp } from '../state/look-up.ts';
import { useCommand } from '../ui/keyboard.tsx';
import { hostMeaning, Mark } from '../ui/mark.tsx';
import { useRun } from '../ui/run.tsx';
import { ConnectionNotice } from './connection-notice.tsx';
import { EventsPanel } from './events-panel.tsx';
import { HostAudit } from './host-audit.tsx';
import { HostBackup } from './host-backup.tsx';
import { HostCertificates } from './host-certificates.tsx';
import { HostImages } from './host-images.tsx';
import { HostOverview } from './host-overview.tsx';
import { HostRoutes } from './host-routes.tsx';
import { HostSecrets } from './host-secrets.tsx';
import { HostTokens } from './host-tokens.tsx';
import { InstallPanel } from './install-panel.tsx';
import { OperationsTable } from './operations-table.tsx';
import { TerminalPanel } from './terminal-panel.tsx';
import { useOperationControls } from './use-operation-controls.tsx';

const TAB_LABEL: Record<HostTab, string> = {
  overview: 'Overview',
  images: 'Images',
  secrets: 'Secrets',
  routes: 'Routes',
  certificates: 'Certificates',
  tokens: 'Tokens',
  audit: 'Audit log',
  backup: 'Backup',
  activity: 'Activity',
  terminal: 'Terminal',
};

/** One host: its figures, its apps, its images, what happened there, and a shell. */
export function HostView({ host, tab }: { host: Host; tab: HostTab }) {
  const [, navigate] = useLocation();
  const daemon = useDaemon(host.id);
  const [hasTerminal, setHasTerminal] = useState(tab === 'terminal');
  if (tab === 'terminal' && !hasTerminal) setHasTerminal(true);
  const isKnown = daemon.isLoaded || host.connection.kind === 'connected';
  const isAbsent = host.connection.kind === 'connected' && host.daemon.kind === 'absent';

  return (
    <div className="nd-page nd-page-fill">
      <ConnectionNotice host={host} problem={daemon.problem} />
      <HostHeader host={host} />
      <Tabs
        className="nd-tabs"
        value={tab}
        onChange={(next) => navigate(hostPath(host.id, HOST_TABS.find((each) => each === next) ?? 'overview'))}
      >
        <Tabs.List>
          {HOST_TABS.map((each) => (
            <Tabs.Tab key={each} value={each}>
              {TAB_LABEL[each]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
      </Tabs>
      {tab === 'overview' ? (
        <>
          <InstallPanel host={host} />
          {isAbsent || !isKnown ? null : <HostOverview host={host} />}
        </>
      ) : tab === 'images' ? (
        <HostImages images={daemon.images} />
      ) : tab === 'secrets' ? (
        <HostSecrets host={host} />
      ) : tab === 'routes' ? (
        <HostRoutes host={host} />
      ) : tab === 'certificates' ? (
        <HostCertificates host={host} />
      ) : tab === 'tokens' ? (
        <HostTokens host={host} />
      ) : tab === 'audit' ? (
        <HostAudit host={host} />
      ) : tab === 'backup' ? (
        <HostBackup host={host} />
      ) : tab === 'activity' ? (
        <HostActivity host={host} />
      ) : null}
      {/* Once opened, the shell lives as long as the view of its host. */}
      {hasTerminal ? <TerminalPanel key={host.id} host={host} isShown={tab === 'terminal'} /> : null}
    </div>
  );
}

const NO_RELEASES: readonly Release[] = [];

function HostActivity({ host }: { host: Host }) {
  const daemon = useDaemon(host.id);
  const controls = useOperationControls(host);
  return (
    <div className="nd-stack">
      <OperationsTable
        operations={operationsOf(daemon)}
        releasesOf={(app) => lookUp(daemon.releases, app) ?? NO_RELEASES}
        controls={controls}
        hasApps
      />
      <EventsPanel events={daemon.events} hasApps />
      {controls.dialog}
    </div>
  );
}

function HostHeader({ host }: { host: Host }) {
  const actions = useActions();
  const [, navigate] = useLocation();
  const { run, isBusy } = useRun();
  const [question, setQuestion] = useState<'edit' | 'remove' | 'deploy' | null>(null);
  const isInstalling = useConsole((state) => state.installs[host.id]?.state === 'running');
  const isReady = host.connection.kind === 'connected' && host.daemon.kind === 'ready';
  const isUp = ['connected', 'connecting', 'reconnecting'].includes(host.connection.kind);
  const close = () => setQuestion(null);
  useCommand('deploy', () => isReady && setQuestion('deploy'));

  return (
    <header className="nd-head">
      <div className="nd-head-main">
        <div className="nd-grow">
          <div className="nd-head-title">
            <h1>{host.name}</h1>
            <Mark meaning={hostMeaning(host)} testId="host-state" />
          </div>
          <div className="nd-dim nd-row">
            <span className="nd-mono">
              {host.user}@{host.address}:{host.port}
            </span>
            <DaemonText host={host} />
          </div>
        </div>
        <Group gap={6}>
          {isReady ? (
            <Button variant="filled" leftSection={<Rocket size={14} />} onClick={() => setQuestion('deploy')}>
              Deploy
            </Button>
          ) : null}
          {isUp ? (
            <Button
              leftSection={<Unplug size={14} />}
              loading={isBusy}
              onClick={() => void run(`${host.name} was not disconnected`, () => actions.disconnect(host.id))}
            >
              Disconnect
            </Button>
          ) : null}
          <Menu position="bottom-end">
            <Menu.Target>
              <ActionIcon aria-label="More actions" variant="default" size={30}>
                <Ellipsis size={15} />
              </ActionIcon>
            </Menu.Target>
            <Menu.Dropdown>
              {isReady ? (
                <Menu.Item leftSection={<Upload size={14} />} disabled={isInstalling} onClick={() => actions.install(host.id)}>
                  Upgrade daemon
                </Menu.Item>
              ) : null}
              <Menu.Item leftSection={<Pencil size={14} />} onClick={() => setQuestion('edit')}>
                Edit host…
              </Menu.Item>
              <Menu.Item color="var(--nd-bad)" leftSection={<Trash2 size={14} />} onClick={() => setQuestion('remove')}>
                Remove host…
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        </Group>
      </div>
      <HostDialog opened={question === 'edit'} onClose={close} host={host} />
      <DeployDialog opened={question === 'deploy'} onClose={close} hostId={host.id} />
      <ConfirmDialog
        opened={question === 'remove'}
        onClose={close}
        title={`Remove ${host.name} from the console`}
        text="The console forgets the host and its credentials. Nothing changes on the server: its apps and its daemon go on."
        action="Remove host"
        isDangerous
        isProduction={host.production}
        {...(host.production ? { typed: host.name } : {})}
        onConfirm={async () => {
          const isRemoved = await run('The host was not removed', () => actions.removeHost(host.id));
          if (isRemoved) navigate(FLEET_PATH);
          return isRemoved;
        }}
      />
    </header>
  );
}

function DaemonText({ host }: { host: Host }) {
  if (host.connection.kind !== 'connected') return null;
  const { latency_ms } = host.connection;
  return (
    <>
      {host.daemon.kind === 'ready' ? (
        <span>
          <Plug size={12} aria-hidden /> nextdeployd {host.daemon.version.version}
          {host.daemon.version.docker === null ? '' : ` · Docker ${host.daemon.version.docker}`}
          {host.daemon.version.proxy === null ? '' : ` · ${host.daemon.version.proxy}`}
        </span>
      ) : null}
      {latency_ms === null ? null : <span className="nd-number">{latency_ms.toFixed(1)} ms away</span>}
    </>
  );
}
