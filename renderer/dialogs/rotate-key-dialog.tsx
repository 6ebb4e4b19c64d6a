import type { Host } from '../../preload/contract.ts';
import { useActions } from '../state/hooks.ts';
import { notifyWarning, useRun } from '../ui/run.tsx';
import { ConfirmDialog } from './confirm-dialog.tsx';

interface RotateKeyDialogProps {
  opened: boolean;
  onClose(): void;
  host: Host;
}

/** Asks before a host takes a new master key, and reminds of the copy that has to be kept. */
export function RotateKeyDialog({ opened, onClose, host }: RotateKeyDialogProps) {
  const actions = useActions();
  const { run } = useRun();
  const rotate = async () => {
    const { key_id, secrets } = await actions.rotateKey(host.id);
    const count = secrets === 1 ? 'One value is' : `${secrets} values are`;
    notifyWarning(`${host.name} has a new master key`, `${count} sealed with key ${key_id} now. Keep a copy of its file.`);
  };
  return (
    <ConfirmDialog
      opened={opened}
      onClose={onClose}
      title={`Rotate the master key of ${host.name}`}
      text={
        <>
          <p>
            The server takes a new master key, and everything that is kept is sealed with it anew. Values and versions stay as
            they are, and no app is restarted.
          </p>
          <p>
            Afterwards <strong>keep a copy of the key’s file</strong>, <code>/etc/nextdeploy/master.key</code> unless it was
            configured otherwise, apart from the server: without it nobody opens the secrets again, the daemon neither. Keep the
            copy of the old key as long as a backup of its time is kept.
          </p>
        </>
      }
      action="Rotate the key"
      isProduction={host.production}
      {...(host.production ? { typed: host.name } : {})}
      onConfirm={() => run('The key was not rotated', rotate)}
    />
  );
}
