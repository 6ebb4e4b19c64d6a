import { useEffect, useRef } from 'react';
import type { Release } from '../../daemon/contract/domain.ts';
import type { SecretProvider } from '../../daemon/contract/secret-providers.ts';
import type { Secret } from '../../daemon/contract/secrets.ts';
import { useActions, useDaemon } from './hooks.ts';
import { lookUp } from './look-up.ts';
import type { AppReleases } from './secrets.ts';
import { type Asked, useAsked } from './use-asked.ts';

export interface SecretsOfHost extends Asked {
  /** Null until the daemon has answered. */
  secrets: readonly Secret[] | null;
  /** Those of them that are set; an empty list until the daemon has answered. */
  providers: readonly SecretProvider[];
}

const NO_PROVIDERS: readonly SecretProvider[] = [];

/** The secrets of a host and where they are pulled from, current while they are looked at. */
export function useSecrets(host: string): SecretsOfHost {
  const actions = useActions();
  const { secrets, providers } = useDaemon(host);
  const asked = useAsked(host, (id) => Promise.all([actions.loadSecrets(id), actions.loadProviders(id)]));
  return { secrets, providers: providers ?? NO_PROVIDERS, ...asked };
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
