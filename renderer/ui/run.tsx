import { notifications } from '@mantine/notifications';
import { useCallback, useState } from 'react';
import { messageOf } from '../bridge/bridge-error.ts';
import { sentence } from '../format.ts';
import { Prose } from './prose.tsx';

/** Says that something failed; long enough to be read, and it can be held by the pointer. */
export function notifyFailure(title: string, error: unknown): void {
  notifications.show({ title, message: <Prose text={sentence(messageOf(error))} />, color: 'red', autoClose: 20_000 });
}

/** Says something that the operator must know and did not do. */
export function notifyWarning(title: string, message: string): void {
  notifications.show({ title, message: <Prose text={message} />, color: 'orange', autoClose: 30_000 });
}

export function notifyNeutral(title: string, message: string): void {
  notifications.show({ title, message, color: 'gray', autoClose: 6_000 });
}

export function notifySuccess(title: string, message: string): void {
  notifications.show({ title, message, color: 'green', autoClose: 6_000 });
}

/** Runs an action of the operator: busy while it lasts, a notification where it fails. Resolves with whether it did not. */
export function useRun(): { isBusy: boolean; run: (failure: string, act: () => Promise<unknown>) => Promise<boolean> } {
  const [isBusy, setBusy] = useState(false);
  const run = useCallback(async (failure: string, act: () => Promise<unknown>) => {
    setBusy(true);
    try {
      await act();
      return true;
    } catch (error) {
      notifyFailure(failure, error);
      return false;
    } finally {
      setBusy(false);
    }
  }, []);
  return { isBusy, run };
}
