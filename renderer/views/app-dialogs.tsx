import type { AppStatus, Release } from '../../daemon/contract/domain.ts';
import type { FieldError } from '../../daemon/contract/errors.ts';
import type { Host } from '../../preload/contract.ts';
import { ConfirmDialog } from '../dialogs/confirm-dialog.tsx';
import { DeployDialog } from '../dialogs/deploy-dialog.tsx';
import { MaintenanceDialog } from '../dialogs/maintenance-dialog.tsx';
import { RemoveDialog } from '../dialogs/remove-dialog.tsx';
import { RollbackDialog } from '../dialogs/rollback-dialog.tsx';
import { ScaleDialog } from '../dialogs/scale-dialog.tsx';
import { SwapDialog } from '../dialogs/swap-dialog.tsx';
import type { Actions } from '../state/actions.ts';
import type { Wish } from '../state/stores.ts';

interface AppDialogsProps {
  question: Wish['what'] | null;
  onClose(): void;
  host: Host;
  app: AppStatus;
  releases: readonly Release[];
  /** What a deploy starts from. */
  base: Release | null;
  /** What was wrong with it, if it is what was tried in vain. */
  complaints: readonly FieldError[];
  actions: Actions;
  /** Begins an operation; resolves with whether it has begun. */
  start(failure: string, act: () => Promise<unknown>): Promise<boolean>;
  onStarted(): void;
  onRemoved(): void;
}

/** What an operator is asked before an app is changed. */
export function AppDialogs({
  complaints,
  question,
  onClose,
  host,
  app,
  releases,
  base,
  actions,
  start,
  onStarted,
  onRemoved,
}: AppDialogsProps) {
  const live = releases.find((release) => release.id === app.release);
  const previous = releases.find((release) => release.id === app.previous_release);
  const common = { onClose, app, isProduction: host.production };
  return (
    <>
      <SwapDialog opened={question === 'swap'} onClose={onClose} onStarted={onStarted} host={host} app={app} liveRelease={live} />
      {base === null ? null : (
        <DeployDialog
          opened={question === 'deploy'}
          onClose={onClose}
          hostId={host.id}
          template={{ app, release: base }}
          complaints={complaints}
        />
      )}
      <ScaleDialog
        {...common}
        opened={question === 'scale'}
        onScale={(replicas) => start('It was not scaled', () => actions.scale(host.id, app.name, replicas))}
      />
      <MaintenanceDialog
        {...common}
        opened={question === 'maintenance'}
        onChange={(message) => start('The page was not changed', () => actions.setMaintenance(host.id, app.name, message))}
      />
      {previous === undefined ? null : (
        <RollbackDialog
          {...common}
          opened={question === 'rollback'}
          live={live}
          target={previous}
          onRollback={(code_only) =>
            start('The roll-back was not started', () =>
              actions.rollback(host.id, { app_name: app.name, release: previous.id, code_only }),
            )
          }
        />
      )}
      <ConfirmDialog
        opened={question === 'stop'}
        onClose={onClose}
        title={`Stop ${app.name}`}
        text="Visitors get an error until it is started again. Releases and configuration stay."
        action="Stop"
        isDangerous
        isProduction={host.production}
        {...(host.production ? { typed: app.name } : {})}
        onConfirm={() => start('The app was not stopped', () => actions.lifecycle(host.id, app.name, 'stopApp'))}
      />
      <RemoveDialog
        {...common}
        opened={question === 'remove'}
        releases={releases}
        onRemove={async () => {
          const hasBegun = await start('The app was not removed', () => actions.purge(host.id, app.name));
          if (hasBegun) onRemoved();
          return hasBegun;
        }}
      />
    </>
  );
}
