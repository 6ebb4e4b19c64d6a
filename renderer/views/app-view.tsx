import { Tabs } from '@mantine/core';
import { Box, SearchX } from 'lucide-react';
import { useEffect } from 'react';
import { useLocation } from 'wouter';
import type { AppStatus, Operation } from '../../daemon/contract/domain.ts';
import type { Host } from '../../preload/contract.ts';
import { APP_TABS, type AppTab, appPath, hostPath } from '../paths.ts';
import { operationsOf, undoTarget } from '../state/daemon-data.ts';
import { baseRelease } from '../state/deploy-form.ts';
import { useActions, useDaemon } from '../state/hooks.ts';
import type { LogSession } from '../state/log-session.ts';
import { lookUp } from '../state/look-up.ts';
import { useLogSession } from '../state/use-log-session.ts';
import { Empty, Notice } from '../ui/notice.tsx';
import { useRun } from '../ui/run.tsx';
import { Panel } from '../ui/text.tsx';
import { useNow } from '../ui/use-now.ts';
import { AppConfiguration } from './app-configuration.tsx';
import { AppHeader } from './app-header.tsx';
import { AppReleases } from './app-releases.tsx';
import { ConnectionNotice } from './connection-notice.tsx';
import { LogViewer } from './log-viewer.tsx';
import { OperationPanel } from './operation-panel.tsx';
import { OperationsTable } from './operations-table.tsx';

const TAB_LABEL: Record<AppTab, string> = {
  overview: 'Overview',
  releases: 'Releases',
  operations: 'Operations',
  logs: 'Logs',
  configuration: 'Configuration',
};

interface AppViewProps {
  host: Host;
  name: string;
  tab: AppTab;
}

/** One app: what it is, what can be done with it, what is being done, and what it says. */
export function AppView({ host, name, tab }: AppViewProps) {
  const daemon = useDaemon(host.id);
  const app = lookUp(daemon.apps, name);
  if (app !== undefined) return <KnownApp host={host} app={app} tab={tab} />;
  return (
    <div className="nd-page">
      <ConnectionNotice host={host} problem={daemon.problem} />
      {daemon.isLoaded ? (
        <Empty
          icon={SearchX}
          title={`No app “${name}” on ${host.name}`}
          text="It may have been removed, or never deployed here."
        />
      ) : (
        <Empty icon={Box} title={name} text="Its state appears as soon as the host’s daemon answers." />
      )}
    </div>
  );
}

function KnownApp({ host, app, tab }: { host: Host; app: AppStatus; tab: AppTab }) {
  const [, navigate] = useLocation();
  const daemon = useDaemon(host.id);
  const actions = useActions();
  const { run } = useRun();
  const log = useLogSession(host.id, app.name);
  const operations = operationsOf(daemon, app.name);
  const latest = operations[0];
  const undo = undoTarget(app, latest, useNow());
  const releases = lookUp(daemon.releases, app.name);

  useEffect(() => {
    actions.loadReleases(host.id, app.name).catch(() => undefined); // the table says that it has none yet
  }, [actions, host.id, app.name]);

  const showOverview = () => navigate(appPath(host.id, app.name)); // where the steps of what was begun are seen
  const rollback = async (release: string) => {
    if (await run('The roll-back was not started', () => actions.rollback(host.id, app.name, release))) showOverview();
  };
  return (
    <div className="nd-page nd-page-fill">
      <ConnectionNotice host={host} problem={daemon.problem} />
      <AppHeader host={host} app={app} onStarted={showOverview} onRemoved={() => navigate(hostPath(host.id))} />
      <Tabs
        className="nd-tabs"
        value={tab}
        onChange={(next) => navigate(appPath(host.id, app.name, APP_TABS.find((each) => each === next) ?? 'overview'))}
      >
        <Tabs.List>
          {APP_TABS.map((each) => (
            <Tabs.Tab key={each} value={each}>
              {TAB_LABEL[each]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
      </Tabs>
      {tab === 'overview' ? (
        <Overview app={app} log={log} latest={latest} onUndo={undo === null ? null : () => void rollback(undo)} />
      ) : tab === 'releases' ? (
        <AppReleases host={host} app={app} releases={releases ?? []} onRollback={(release) => void rollback(release)} />
      ) : tab === 'operations' ? (
        <OperationsTable operations={operations} />
      ) : tab === 'logs' ? (
        <Panel title="Logs" flush>
          {log === null ? null : <LogViewer ring={log.ring} />}
        </Panel>
      ) : (
        <AppConfiguration host={host} app={app} release={baseRelease(app, releases ?? []) ?? undefined} />
      )}
    </div>
  );
}

interface OverviewProps {
  app: AppStatus;
  log: LogSession | null;
  latest: Operation | undefined;
  onUndo: (() => void) | null;
}

function Overview({ app, log, latest, onUndo }: OverviewProps) {
  const isExplained = latest?.error != null || latest?.state === 'running';
  return (
    <>
      {app.last_error !== null && !isExplained ? <Notice tone="bad" title="The app has a problem" text={app.last_error} /> : null}
      <div className="nd-overview">
        <Panel title={latest?.state === 'running' ? 'Operation in progress' : 'Last operation'}>
          {latest === undefined ? (
            <p className="nd-dim">No operation of this app is on record.</p>
          ) : (
            <OperationPanel operation={latest} onUndo={onUndo} />
          )}
        </Panel>
        <Panel title="Logs" flush>
          {log === null ? null : <LogViewer ring={log.ring} />}
        </Panel>
      </div>
    </>
  );
}
