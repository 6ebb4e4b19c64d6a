import { Button } from '@mantine/core';
import type { Host } from '../../preload/contract.ts';
import { useActions } from '../state/hooks.ts';
import { useRun } from '../ui/run.tsx';

/** Connects a host; what it asks (its key, a password) is put to the operator. */
export function ConnectButton({ host, label = 'Connect' }: { host: Host; label?: string }) {
  const actions = useActions();
  const { run, isBusy } = useRun();
  return (
    <Button
      {...(label === 'Connect' ? { variant: 'filled' } : {})}
      loading={isBusy}
      onClick={() => void run(`${host.name} was not connected`, () => actions.connect(host.id))}
    >
      {label}
    </Button>
  );
}
