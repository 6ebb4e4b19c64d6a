import { ActionIcon, Button, Group, Menu } from '@mantine/core';
import { ArrowRight, Ellipsis, ExternalLink, Pencil, Play, RotateCw, Square, Trash2, Undo2 } from 'lucide-react';
import { useState } from 'react';
import type { AppStatus, Release } from '../../daemon/contract/domain.ts';
import { can } from '../../daemon/contract/rules.ts';
import type { Host } from '../../preload/contract.ts';
import { ConfirmDialog } from '../dialogs/confirm-dialog.tsx';
import { DeployDialog } from '../dialogs/deploy-dialog.tsx';
import { SwapDialog } from '../dialogs/swap-dialog.tsx';
import { shortReference } from '../format.ts';
import { baseRelease } from '../state/deploy-form.ts';
import { useActions, useDaemon, useWish } from '../state/hooks.ts';
import { newerImage } from '../state/images.ts';
import { lookUp } from '../state/look-up.ts';
import type { Wish } from '../state/stores.ts';
import { GatedButton } from '../ui/gated-button.tsx';
import { useCommand } from '../ui/keyboard.tsx';
import { APP_STATUS, healthMeaning, Mark, SlotMark } from '../ui/mark.tsx';
import { useRun } from '../ui/run.tsx';
import { Ago, Facts, ImageName } from '../ui/text.tsx';

type Question = Wish['what'] | 'purge';

interface AppHeaderProps {
  host: Host;
  app: AppStatus;
  /** An operation of the app has begun. */
  onStarted(): void;
  onRemoved(): void;
}

const NO_RELEASES: readonly Release[] = [];

/** What is live, and everything that can be done with it; the contract's rules say what may be done now. */
export function AppHeader({ host, app, onStarted, onRemoved }: AppHeaderProps) {
  const actions = useActions();
  const daemon = useDaemon(host.id);
  const [question, setQuestion] = useState<Question | null>(null);
  const { run, isBusy } = useRun();
  const releases = lookUp(daemon.releases, app.name) ?? NO_RELEASES;
  const live = releases.find((release) => release.id === app.release);
  const base = baseRelease(app, releases);
  const isRetry = app.release === null && base !== null && app.operation_id === null;
  const newer = can.swap(app).allowed ? newerImage(daemon.images ?? [], app, live) : null;
  const close = () => setQuestion(null);
  const start = async (failure: string, act: () => Promise<unknown>) => {
    const isStarted = await run(failure, act);
    if (isStarted) onStarted();
    return isStarted;
  };
  const rollback = () => start('The roll-back was not started', () => actions.rollback(host.id, app.name));
  useWish(host.id, app.name, setQuestion);
  useCommand('deploy', () => base !== null && setQuestion('deploy'));
  useCommand('swap', () => can.swap(app).allowed && setQuestion('swap'));

  return (
    <header className="nd-head">
      <div className="nd-head-main">
        <div className="nd-grow">
          <div className="nd-head-title">
            <h1>{app.name}</h1>
            <Mark meaning={APP_STATUS[app.status]} testId="app-status" />
            <AppLink app={app} />
          </div>
        </div>
        <Group gap={6}>
          {isRetry ? (
            <Button variant="filled" leftSection={<RotateCw size={13} />} onClick={() => setQuestion('deploy')}>
              Try again…
            </Button>
          ) : null}
          <GatedButton
            variant={isRetry ? 'default' : 'filled'}
            verdict={can.swap(app)}
            loading={isBusy}
            onClick={() => setQuestion('swap')}
          >
            Swap
          </GatedButton>
          <GatedButton
            verdict={can.rollback(app)}
            leftSection={<Undo2 size={14} />}
            onClick={() => (host.production ? setQuestion('rollback') : void rollback())}
          >
            Roll back
          </GatedButton>
          <GatedButton verdict={can.stop(app)} leftSection={<Square size={13} />} onClick={() => setQuestion('stop')}>
            Stop
          </GatedButton>
          <GatedButton
            verdict={can.start(app)}
            leftSection={<Play size={13} />}
            onClick={() => void start('The app was not started', () => actions.lifecycle(host.id, app.name, 'startApp'))}
          >
            Start
          </GatedButton>
          <GatedButton
            verdict={can.restart(app)}
            leftSection={<RotateCw size={13} />}
            onClick={() => void start('The restart was not started', () => actions.lifecycle(host.id, app.name, 'restartApp'))}
          >
            Restart
          </GatedButton>
          <Menu position="bottom-end">
            <Menu.Target>
              <ActionIcon aria-label="More actions" variant="default" size={30}>
                <Ellipsis size={15} />
              </ActionIcon>
            </Menu.Target>
            <Menu.Dropdown>
              {base === null ? null : (
                <Menu.Item leftSection={<Pencil size={14} />} onClick={() => setQuestion('deploy')}>
                  Deploy with changes…
                </Menu.Item>
              )}
              <Menu.Item color="red" leftSection={<Trash2 size={14} />} onClick={() => setQuestion('purge')}>
                Remove app…
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        </Group>
      </div>
      <AppFacts app={app} />
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
                : void start('The swap was not started', () => actions.swap(host.id, app.name, newer.reference))
            }
          >
            Swap to {shortReference(newer.reference)}
          </Button>
        </div>
      )}
      <SwapDialog opened={question === 'swap'} onClose={close} onStarted={onStarted} host={host} app={app} liveRelease={live} />
      {base === null ? null : (
        <DeployDialog opened={question === 'deploy'} onClose={close} hostId={host.id} template={{ app, release: base }} />
      )}
      <ConfirmDialog
        opened={question === 'rollback'}
        onClose={close}
        title={`Roll back ${app.name}`}
        text={`Visitors get ${app.previous_release ?? 'the release before'} again, without an interruption.`}
        action="Roll back"
        isProduction={host.production}
        onConfirm={rollback}
      />
      <ConfirmDialog
        opened={question === 'stop'}
        onClose={close}
        title={`Stop ${app.name}`}
        text="Visitors get an error until it is started again. Releases and configuration stay."
        action="Stop"
        isDangerous
        isProduction={host.production}
        {...(host.production ? { typed: app.name } : {})}
        onConfirm={() => start('The app was not stopped', () => actions.lifecycle(host.id, app.name, 'stopApp'))}
      />
      <ConfirmDialog
        opened={question === 'purge'}
        onClose={close}
        title={`Remove ${app.name}`}
        text="Stops it and deletes its releases, its configuration and its route from the host. This cannot be undone."
        action="Remove app"
        isDangerous
        isProduction={host.production}
        typed={app.name}
        onConfirm={async () => {
          const isStarted = await run('The app was not removed', () => actions.purge(host.id, app.name));
          if (isStarted) onRemoved();
          return isStarted;
        }}
      />
    </header>
  );
}

function AppLink({ app }: { app: AppStatus }) {
  if (app.url === null) return <span className="nd-dim">no domain</span>;
  if (app.release === null) return <span className="nd-dim">{app.domain}</span>; // nothing is there to be opened yet
  return (
    <a className="nd-link" href={app.url} target="_blank" rel="noopener noreferrer">
      {app.domain ?? app.url}
      <ExternalLink size={12} aria-hidden />
    </a>
  );
}

function AppFacts({ app }: { app: AppStatus }) {
  return (
    <Facts
      rows={[
        ['Image', <ImageName key="image" reference={app.version} />],
        [
          'Release',
          <span key="release" className="nd-number" data-testid="app-release">
            {app.release ?? '–'}
          </span>,
        ],
        ['Slot', <SlotMark key="slot" slot={app.slot} />],
        ['Health', <Mark key="health" meaning={healthMeaning(app)} title={app.health.detail} testId="app-health" />],
        [
          'Port',
          <span key="port" className="nd-number">
            {app.port}
          </span>,
        ],
        ['TLS', app.tls === 'auto' ? 'managed' : 'off'],
        ['Changed', <Ago key="changed" ts={app.updated_at} />],
      ]}
    />
  );
}
