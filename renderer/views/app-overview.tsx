import type { AppStatus, Operation, Release } from '../../daemon/contract/domain.ts';
import type { Host } from '../../preload/contract.ts';
import type { LogSession } from '../state/log-session.ts';
import type { Watch } from '../state/watch.ts';
import { Notice } from '../ui/notice.tsx';
import { Panel } from '../ui/text.tsx';
import { AddressesCard } from './addresses-card.tsx';
import { CertificateCard } from './certificate-card.tsx';
import { LogViewer } from './log-viewer.tsx';
import { NextCoreCard } from './nextcore-card.tsx';
import { OperationPanel } from './operation-panel.tsx';
import type { OperationControls } from './use-operation-controls.tsx';

interface AppOverviewProps {
  host: Host;
  app: AppStatus;
  live: Release | undefined;
  log: LogSession | null;
  latest: Operation | undefined;
  watch: Watch | null;
  controls: OperationControls;
  onUndo: (() => void) | null;
  onRetry: (() => void) | null;
}

/** What was done last, what the app is reached by and made of, and what it says. */
export function AppOverview({ host, app, live, log, latest, watch, controls, onUndo, onRetry }: AppOverviewProps) {
  const isExplained = latest?.error != null || latest?.state === 'running';
  return (
    <>
      {app.last_error !== null && !isExplained ? <Notice tone="bad" title="The app has a problem" text={app.last_error} /> : null}
      <div className="nd-overview">
        <div className="nd-overview-side">
          <Panel title={latest?.state === 'running' ? 'Operation in progress' : 'Last operation'}>
            {latest === undefined ? (
              <p className="nd-dim">No operation of this app is on record.</p>
            ) : (
              <OperationPanel
                operation={latest}
                watch={watch}
                onUndo={onUndo}
                onRetry={onRetry}
                onCancel={() => controls.cancel(latest)}
                onKeep={() => controls.keep(latest)}
                isBusy={controls.isBusy}
              />
            )}
          </Panel>
          {app.domain === null ? null : <AddressesCard app={app} redirects={live?.configuration.redirects ?? []} />}
          {app.domain === null || app.tls === 'off' ? null : <CertificateCard host={host} app={app} />}
          {app.nextcore === null ? null : <NextCoreCard build={app.nextcore} release={app.release} />}
        </div>
        <Panel title="Logs" flush>
          {log === null ? null : <LogViewer ring={log.ring} />}
        </Panel>
      </div>
    </>
  );
}
