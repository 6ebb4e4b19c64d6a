import { useEffect, useRef, useState } from 'react';
import type { Release } from '../../daemon/contract/domain.ts';
import { messageOf } from '../bridge/bridge-error.ts';
import { baseRelease, type DeployForm, type DeployTemplate, formFromTemplate } from '../state/deploy-form.ts';
import { useActions, useDaemon } from '../state/hooks.ts';
import { lookUp } from '../state/look-up.ts';

/** The release that a deploy starts from. Until it has been read nothing may be deployed: what it sets would be lost. */
export type DeployBase =
  | { state: 'new' }
  | { state: 'reading' }
  | { state: 'failed'; message: string; retry(): void }
  | ({ state: 'ready' } & DeployTemplate);

interface FormHandle {
  values: DeployForm;
  setValues(values: DeployForm): void;
}

/** What was read for one name. */
interface Reading {
  name: string;
  release: Release | null;
  message: string | null;
}

/**
 * While the name typed is that of an app, the form holds that app's configuration; once it is another name, it holds
 * again what it held before. With a template there is nothing to look up.
 */
export function useDeployBase(hostId: string, form: FormHandle, template: DeployTemplate | undefined): DeployBase {
  const actions = useActions();
  const { apps } = useDaemon(hostId);
  const [reading, setReading] = useState<Reading | null>(null);
  const [attempt, setAttempt] = useState(1);
  const name = form.values.app_name.trim();
  const app = template === undefined ? lookUp(apps, name) : undefined;
  const exists = app !== undefined;
  const latest = useRef({ form, app });
  /** What the fields held before they were filled from an app. */
  const before = useRef<DeployForm | null>(null);
  useEffect(() => {
    latest.current = { form, app };
  });

  // biome-ignore lint/correctness/useExhaustiveDependencies: `attempt` asks for it once more
  useEffect(() => {
    const { form: now } = latest.current;
    if (before.current !== null) now.setValues({ ...before.current, app_name: now.values.app_name });
    before.current = null;
    if (!exists) return;
    let isCurrent = true;
    const take = (releases: readonly Release[]) => {
      const { form: held, app: known } = latest.current;
      if (!isCurrent || known === undefined) return;
      const release = baseRelease(known, releases);
      const isMissing = release === null && known.release !== null;
      setReading({ name, release, message: isMissing ? `Release ${known.release} is not among those listed.` : null });
      if (release === null) return;
      const { app_name, image, registry_username, registry_password, pull } = held.values;
      const typed = { app_name, registry_username, registry_password, pull };
      before.current = held.values;
      const filled = formFromTemplate({ app: known, release });
      held.setValues({ ...filled, ...typed, image: image.trim() === '' ? filled.image : image });
    };
    actions.loadReleases(hostId, name).then(take, (error: unknown) => {
      if (isCurrent) setReading({ name, release: null, message: messageOf(error) });
    });
    return () => {
      isCurrent = false;
      setReading(null);
    };
  }, [actions, hostId, name, exists, attempt]);

  if (template !== undefined) return { state: 'ready', ...template };
  if (app === undefined) return { state: 'new' };
  if (reading === null || reading.name !== name) return { state: 'reading' };
  if (reading.message !== null) {
    return { state: 'failed', message: reading.message, retry: () => setAttempt((count) => count + 1) };
  }
  return reading.release === null ? { state: 'new' } : { state: 'ready', app, release: reading.release };
}
