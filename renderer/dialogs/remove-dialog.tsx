import { Check, X } from 'lucide-react';
import type { ReactNode } from 'react';
import type { AppStatus, Release } from '../../daemon/contract/domain.ts';
import { whatGoes, whatStays } from '../state/removal.ts';
import { ConfirmDialog } from './confirm-dialog.tsx';

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
      text={
        <div className="nd-removal">
          <List
            title="Goes, and cannot be brought back"
            icon={<X size={13} aria-hidden />}
            tone="bad"
            lines={whatGoes(app, releases)}
          />
          <List title="Stays on the host" icon={<Check size={13} aria-hidden />} tone="ok" lines={whatStays(releases)} />
        </div>
      }
      action="Remove app"
      isDangerous
      isProduction={isProduction}
      typed={app.name}
      onConfirm={onRemove}
    />
  );
}

function List({ title, icon, tone, lines }: { title: string; icon: ReactNode; tone: string; lines: readonly string[] }) {
  return (
    <div>
      <h3 className="nd-label">{title}</h3>
      <ul data-tone={tone}>
        {lines.map((line) => (
          <li key={line}>
            {icon}
            <span>{line}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
