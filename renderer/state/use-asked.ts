import { useEffect, useRef, useState } from 'react';
import { messageOf } from '../bridge/bridge-error.ts';
import { useDaemon } from './hooks.ts';

export interface Asked {
  /** Why the daemon has not answered, or null. */
  problem: string | null;
  retry(): void;
}

/**
 * Has `read` bring into the store what is not kept current before somebody looks at it: once the host's daemon answers at all,
 * and then every `every_ms` for as long as it is looked at, where no event tells of its changes.
 */
export function useAsked(host: string, read: (host: string) => Promise<unknown>, every_ms?: number): Asked {
  const { isLoaded } = useDaemon(host);
  const [problem, setProblem] = useState<string | null>(null);
  const [attempt, setAttempt] = useState(1);
  const latest = useRef(read);
  useEffect(() => {
    latest.current = read;
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: `attempt` asks once more
  useEffect(() => {
    if (!isLoaded) return;
    let isCurrent = true;
    const tell = (said: string | null) => isCurrent && setProblem(said);
    const ask = () =>
      latest.current(host).then(
        () => tell(null),
        (error: unknown) => tell(messageOf(error)),
      );
    void ask();
    const timer = every_ms === undefined ? undefined : setInterval(() => void ask(), every_ms);
    return () => {
      isCurrent = false;
      clearInterval(timer);
    };
  }, [host, isLoaded, attempt, every_ms]);
  return { problem, retry: () => setAttempt(attempt + 1) };
}
