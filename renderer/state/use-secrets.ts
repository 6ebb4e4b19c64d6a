import { useEffect, useRef, useState } from 'react';
import type { Release } from '../../daemon/contract/domain.ts';
import type { Secret } from '../../daemon/contract/secrets.ts';
import { messageOf } from '../bridge/bridge-error.ts';
import { useActions, useDaemon } from './hooks.ts';
import { lookUp } from './look-up.ts';
import type { AppReleases } from './secrets.ts';

export interface SecretsOfHost {
  /** Null until the daemon has answered. */
  secrets: readonly Secret[] | null;
  /** Why it has not, or null. */
  problem: string | null;
  retry(): void;
}

/** The secrets of a host, current while they are looked at. */
export function useSecrets(host: string): SecretsOfHost {
  const actions = useActions();
  const { isLoaded, secrets } = useDaemon(host);
  const [problem, setProblem] = useState<string | null>(null);
  const [attempt, setAttempt] = useState(1);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `attempt` asks for them once more
  useEffect(() => {
    if (!isLoaded) return;
    let isCurrent = true;
    const tell = (said: string | null) => isCurrent && setProblem(said);
    actions.loadSecrets(host).then(
      () => tell(null),
      (error: unknown) => tell(messageOf(error)),
    );
    return () => {
      isCurrent = false;
    };
  }, [actions, host, isLoaded, attempt]);
  return { secrets, problem, retry: () => setAttempt(attempt + 1) };
}

const NO_RELEASES: readonly Release[] = [];

/** Every app of a host with its releases, which are read for those of which they are not known: they say who runs with a secret. */
export function useAppReleases(host: string): AppReleases[] {
  const actions = useActions();
  const { apps, releases } = useDaemon(host);
  const unknown = Object.keys(apps)
    .filter((name) => lookUp(releases, name) === undefined)
    .join(' ');
  const reading = useRef(new Set<string>());
  useEffect(() => {
    const { current } = reading;
    for (const name of unknown.split(' ').filter((each) => each !== '' && !current.has(each))) {
      current.add(name);
      const done = () => void current.delete(name);
      actions.loadReleases(host, name).then(done, done); // what cannot be read is left out of what is said
    }
  }, [actions, host, unknown]);
  return Object.values(apps).map((app) => ({ app, releases: lookUp(releases, app.name) ?? NO_RELEASES }));
}
