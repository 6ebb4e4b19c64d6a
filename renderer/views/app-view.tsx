import { Tabs } from '@mantine/core';
import { Box, SearchX } from 'lucide-react';
import { useEffect, useState } from 'react';
import { useLocation } from 'wouter';
import type { AppStatus, Release } from '../../daemon/contract/domain.ts';
import type { Host } from '../../preload/contract.ts';
import { DeployDialog } from '../dialogs/deploy-dialog.tsx';
import { APP_TABS, type AppTab, appPath, hostPath } from '../paths.ts';
import { operationsOf, undoTarget } from '../state/daemon-data.ts';
import { baseRelease } from '../state/deploy-form.ts';
import { useActions, useDaemon } from '../state/hooks.ts';
import { lookUp } from '../state/look-up.ts';
import { retryOf } from '../state/retry.ts';
import { useLogSession } from '../state/use-log-session.ts';
import { watchOf } from '../state/watch.ts';
import { Empty } from '../ui/notice.tsx';
import { useRun } from '../ui/run.tsx';
import { Panel } from '../ui/text.tsx';
import { useNow } from '../ui/use-now.ts';
import { AppConfiguration } from './app-configuration.tsx';
import { AppHeader } from './app-header.tsx';
import { AppOverview } from './app-overview.tsx';
import { AppReleases } from './app-releases.tsx';
import { AppSecrets } from './app-secrets.tsx';
import { ConnectionNotice } from './connection-notice.tsx';
import { EventsPanel } from './events-panel.tsx';
import { LogViewer } from './log-viewer.tsx';
import { OperationsTable } from './operations-table.tsx';
import { useOperationControls } from './use-operation-controls.tsx';

const TAB_LABEL: Record<AppTab, string> = {
  overview: 'Overview',
  releases: 'Releases',
  operations: 'Operations',
  logs: 'Logs',
  secrets: 'Secrets',
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

const NO_RELEASES: readonly Release[] = [];

function KnownApp({ host, app, tab }: { host: Host; app: AppStatus; tab: AppTab }) {
  const [, navigate] = useLocation();
  const daemon = useDaemon(host.id);
  const actions = useActions();
  const { run } = useRun();
  const controls = useOperationControls(host);
  const log = useLogSession(host.id, app.name);
  const operations = operationsOf(daemon, app.name);
  const latest = operations[0];
  const undo = undoTarget(app, latest, useNow());
  const releases = lookUp(daemon.releases, app.name) ?? NO_RELEASES;
  const watch = watchOf(latest, releases);
  // Before a first success the header offers it.
  const retry = app.operation_id === null && app.release !== null ? retryOf(latest, releases) : null;
  const [isRetrying, setRetrying] = useState(false);

  useEffect(() => {
    actions.loadReleases(host.id, app.name).catch(() => undefined); // the table says that it has none yet
  }, [actions, host.id, app.name]);

  const showOverview = () => navigate(appPath(host.id, app.name)); // where the steps of what was begun are seen
  const rollback = async (release: string, code_only = false) => {
    const body = { app_name: app.name, release, code_only };
    const hasBegun = await run('The roll-back was not started', () => actions.rollback(host.id, body));
    if (hasBegun) showOverview();
    return hasBegun;
  };
  return (
    <div className="nd-page nd-page-fill">
      <ConnectionNotice host={host} problem={daemon.problem} />
      <AppHeader
        host={host}
        app={app}
        latest={latest}
        watch={watch}
        controls={controls}
        onStarted={showOverview}
        onRemoved={() => navigate(hostPath(host.id))}
      />
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
        <AppOverview
          host={host}
          app={app}
          live={releases.find((release) => release.id === app.release)}
          log={log}
          latest={latest}
          watch={watch}
          controls={controls}
          onUndo={undo === null ? null : () => void rollback(undo)}
          onRetry={retry === null ? null : () => setRetrying(true)}
        />
      ) : tab === 'releases' ? (
        <AppReleases host={host} app={app} releases={releases} onRollback={rollback} />
      ) : tab === 'operations' ? (
        <div className="nd-stack">
          <OperationsTable operations={operations} releasesOf={() => releases} controls={controls} />
          <EventsPanel events={daemon.events.filter((event) => event.app_name === app.name)} />
        </div>
      ) : tab === 'logs' ? (
        <Panel title="Logs" flush>
          {log === null ? null : <LogViewer ring={log.ring} />}
        </Panel>
      ) : tab === 'secrets' ? (
        <AppSecrets host={host} app={app} release={baseRelease(app, releases) ?? undefined} />
      ) : (
        <AppConfiguration host={host} app={app} release={baseRelease(app, releases) ?? undefined} />
      )}
      {controls.dialog}
      {retry === null ? null : (
        <DeployDialog
          opened={isRetrying}
          onClose={() => setRetrying(false)}
          hostId={host.id}
          template={{ app, release: retry.release }}
          complaints={retry.complaints}
        />
      )}
    </div>
  );
}
