import { useEffect, useState } from 'react';
import { useActions } from './hooks.ts';
import type { LogSession } from './log-session.ts';

/** The live log of an app while a view of it is open; null before the first effect. */
export function useLogSession(host: string, app: string): LogSession | null {
  const actions = useActions();
  const [session, setSession] = useState<LogSession | null>(null);
  useEffect(() => {
    const opened = actions.openLog(host, app);
    setSession(opened);
    return () => {
      setSession(null);
      opened.close();
    };
  }, [actions, host, app]);
  return session;
}
