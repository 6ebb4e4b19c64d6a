import type { AppStatus, Release } from '../../daemon/contract/domain.ts';
import { whatGoes, whatStays } from '../state/removal.ts';
import { ConfirmDialog } from './confirm-dialog.tsx';
import { GoAndStay } from './go-and-stay.tsx';

interface RemoveDialogProps {
  opened: boolean;
  onClose(): void;
  app: AppStatus;
  releases: readonly Release[];
  isProduction: boolean;
  /** Resolves with whether it has begun. */
  onRemove(): Promise<boolean>;
}

/** Asks before an app goes for good, and says what goes with it and what does not. */
export function RemoveDialog({ opened, onClose, app, releases, isProduction, onRemove }: RemoveDialogProps) {
  return (
    <ConfirmDialog
      opened={opened}
      onClose={onClose}
      title={`Remove ${app.name}`}
      text={<GoAndStay goes={whatGoes(app, releases)} staysTitle="Stays on the host" stays={whatStays(releases)} />}
      action="Remove app"
      isDangerous
      isProduction={isProduction}
      typed={app.name}
      onConfirm={onRemove}
    />
  );
}
