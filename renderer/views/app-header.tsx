import { Button } from '@mantine/core';
import { ArrowRight, ExternalLink } from 'lucide-react';
import { useState } from 'react';
import type { AppStatus, Operation, Release } from '../../daemon/contract/domain.ts';
import type { FieldError } from '../../daemon/contract/errors.ts';
import { can } from '../../daemon/contract/rules.ts';
import type { Host } from '../../preload/contract.ts';
import { shortReference } from '../format.ts';
import { baseRelease } from '../state/deploy-form.ts';
import { useActions, useDaemon, useWish } from '../state/hooks.ts';
import { newerImage } from '../state/images.ts';
import { lookUp } from '../state/look-up.ts';
import { retryOf } from '../state/retry.ts';
import type { Wish } from '../state/stores.ts';
import type { Watch } from '../state/watch.ts';
import { GatedButton } from '../ui/gated-button.tsx';
import { useCommand } from '../ui/keyboard.tsx';
import { appMeaning, Mark } from '../ui/mark.tsx';
import { Notice } from '../ui/notice.tsx';
import { useRun } from '../ui/run.tsx';
import { Ago } from '../ui/text.tsx';
import { AppActions } from './app-actions.tsx';
import { AppDialogs } from './app-dialogs.tsx';
import { AppFacts } from './app-facts.tsx';
import type { OperationControls } from './use-operation-controls.tsx';
import { WatchBar } from './watch-window.tsx';

interface AppHeaderProps {
  host: Host;
  app: AppStatus;
  /** The window that a new release is in, or null. */
  watch: Watch | null;
  latest: Operation | undefined;
  controls: OperationControls;
  /** An operation of the app has begun. */
  onStarted(): void;
  onRemoved(): void;
}

const NO_RELEASES: readonly Release[] = [];
const NO_COMPLAINTS: readonly FieldError[] = [];

/** What is live, and everything that can be done with it; the contract's rules say what may be done now. */
export function AppHeader({ host, app, latest, watch, controls, onStarted, onRemoved }: AppHeaderProps) {
  const actions = useActions();
  const daemon = useDaemon(host.id);
  const [question, setQuestion] = useState<Wish['what'] | null>(null);
  const { run, isBusy } = useRun();
  const releases = lookUp(daemon.releases, app.name) ?? NO_RELEASES;
  const live = releases.find((release) => release.id === app.release);
  const base = baseRelease(app, releases);
  const retry = retryOf(latest, releases);
  const newer = can.swap(app).allowed ? newerImage(daemon.images ?? [], app, live) : null;
  const start = async (failure: string, act: () => Promise<unknown>) => {
    const hasBegun = await run(failure, act);
    if (hasBegun) onStarted();
    return hasBegun;
  };
  /** What takes nothing away from anybody begins at once, except where it is production. */
  const ask = (what: Wish['what']) => {
    const isKnown = releases.some((release) => release.id === app.previous_release);
    if (what !== 'rollback' || (host.production && isKnown)) return setQuestion(what);
    void start('The roll-back was not started', () => actions.rollback(host.id, { app_name: app.name }));
  };
  useWish(host.id, app.name, (what) => {
    if (what !== 'cancel' && what !== 'keep') return setQuestion(what);
    if (latest !== undefined) controls[what](latest);
  });
  useCommand('deploy', () => base !== null && setQuestion('deploy'));
  useCommand('swap', () => can.swap(app).allowed && setQuestion('swap'));

  return (
    <header className="nd-head">
      <div className="nd-head-main">
        <div className="nd-head-title nd-grow">
          <h1>{app.name}</h1>
          <Mark meaning={appMeaning(app, watch?.operation)} testId="app-status" />
          <AppLinks app={app} />
        </div>
        <AppActions
          app={app}
          isRetry={app.release === null && base !== null && app.operation_id === null}
          hasBase={base !== null}
          isBusy={isBusy}
          onAsk={ask}
          onLifecycle={(route) =>
            void start(`The app was not ${route === 'startApp' ? 'started' : 'restarted'}`, () =>
              actions.lifecycle(host.id, app.name, route),
            )
          }
        />
      </div>
      <AppFacts app={app} onScale={() => setQuestion('scale')} />
      {watch === null ? null : (
        <WatchBar
          watch={watch}
          isBusy={controls.isBusy}
          onUndo={() => controls.cancel(watch.operation)}
          onKeep={() => controls.keep(watch.operation)}
        />
      )}
      {app.maintenance === null ? null : (
        <Notice tone="busy" title="Visitors see the maintenance page" text={`“${app.maintenance.message}”`}>
          <GatedButton size="compact-sm" verdict={can.maintenance(app)} onClick={() => setQuestion('maintenance')}>
            Change…
          </GatedButton>
          <GatedButton
            size="compact-sm"
            verdict={can.maintenance(app)}
            onClick={() => void start('The page was not taken down', () => actions.setMaintenance(host.id, app.name, null))}
          >
            Take the page down
          </GatedButton>
        </Notice>
      )}
      {newer === null ? null : (
        <div className="nd-newer">
          <span>
            <span className="nd-mono">{newer.reference}</span> is newer than what is live, built{' '}
            <Ago ts={newer.image.created_at} />.
          </span>
          <Button
            size="compact-sm"
            rightSection={<ArrowRight size={13} />}
            onClick={() =>
              host.production
                ? setQuestion('swap')
                : void start('The swap was not started', () =>
                    actions.swap(host.id, { app_name: app.name, image: newer.reference }),
                  )
            }
          >
            Swap to {shortReference(newer.reference)}
          </Button>
        </div>
      )}
      <AppDialogs
        question={question}
        onClose={() => setQuestion(null)}
        host={host}
        app={app}
        releases={releases}
        base={base}
        complaints={retry !== null && retry.release === base ? retry.complaints : NO_COMPLAINTS}
        actions={actions}
        start={start}
        onStarted={onStarted}
        onRemoved={onRemoved}
      />
    </header>
  );
}

/** More aliases than this are named on the overview only. */
const ALIASES_SHOWN = 2;

function AppLinks({ app }: { app: AppStatus }) {
  if (app.url === null) return <span className="nd-dim">no domain</span>;
  if (app.release === null) return <span className="nd-dim">{app.domain}</span>; // nothing is there to be opened yet
  const scheme = new URL(app.url).protocol;
  const more = app.aliases.length - ALIASES_SHOWN;
  return (
    <>
      <a className="nd-link" href={app.url} target="_blank" rel="noopener noreferrer">
        {app.domain ?? app.url}
        <ExternalLink size={12} aria-hidden />
      </a>
      {app.aliases.slice(0, ALIASES_SHOWN).map((alias) => (
        <a key={alias} className="nd-link" href={`${scheme}//${alias}`} target="_blank" rel="noopener noreferrer">
          {alias}
        </a>
      ))}
      {more > 0 ? <span className="nd-dim" title={app.aliases.slice(ALIASES_SHOWN).join(', ')}>{`+${more}`}</span> : null}
    </>
  );
}
