/** What can be known to be wrong before anything has happened. Changes nothing. */
import { DomainError } from '../contract/errors.ts';
import { DEFAULTS } from '../contract/limits.ts';
import { domainOwner, fieldOf } from './domains.ts';
import type { Journal, RefusedRoute, RegistryCredentials, ReverseProxy, World } from './ports.ts';
import { refusedSetting } from './refusals.ts';
import { StepFailure } from './saga.ts';
import type { StepOf } from './steps.ts';

interface Context {
  world: Pick<World, 'images' | 'proxies' | 'resources'>;
  journal: Pick<Journal, 'listApps' | 'listPortRoutes'>;
  /** Frees what can be freed of a disk that is low; says whether there is room to pull now. */
  makeRoom(signal: AbortSignal): Promise<boolean>;
  credentials: RegistryCredentials | null;
  signal: AbortSignal;
}

/** Throws {@link StepFailure} or a DomainError that says what to do; the former with the field. */
export async function validate(step: StepOf<'validate'>, context: Context): Promise<void> {
  const { world, journal, credentials, signal } = context;
  for (const domain of step.domains) {
    const owner = domainOwner(journal, domain, step.app_name);
    if (!owner) continue;
    const message = `The domain ${domain} belongs to ${owner.named}; ${owner.remedy}.`;
    throw new StepFailure(message, {}, { field: fieldOf(domain, step.route, step.fields) });
  }
  const { resources, images, proxies } = world;
  for (const [index, volume] of step.volumes.entries()) {
    if (volume.kind === 'bind') await named(`volumes.${index}.source`, resources.checkBind(volume.source, signal));
  }
  for (const [index, network] of step.networks.entries()) {
    await named(`networks.${index}`, resources.checkNetwork(network, signal));
  }
  await Promise.all(
    step.proxies.map((proxy) =>
      named(step.fields?.proxy ?? 'proxy', checkRoute(proxies[proxy], step.route?.proxy === proxy ? step : null, signal)),
    ),
  );
  if (step.image === null) return;
  const { image, has_credentials } = step;
  const here = await named(
    'image',
    withCredentials({ has_credentials, credentials }, () => images.check(image, credentials, signal)),
  );
  if (here === null) await demandRoom(context);
}

/** `step`: null where the proxy is only to lose the app's route. */
async function checkRoute(proxy: ReverseProxy, step: StepOf<'validate'> | null, signal: AbortSignal): Promise<void> {
  if (step === null) return proxy.checkRemoval(signal);
  try {
    await proxy.check(signal, step.route);
  } catch (error) {
    const field = await refusedField(proxy, step, error, signal);
    if (field === null) throw error;
    await named(field, Promise.reject(error));
  }
}

/** What of the request a proxy refuses; null: it does not say, and would not serve the site without its settings either. */
async function refusedField(
  proxy: ReverseProxy,
  { route, fields }: StepOf<'validate'>,
  error: unknown,
  signal: AbortSignal,
): Promise<string | null> {
  if (!(error instanceof DomainError)) return null;
  const setting = route && (await refusedSetting(proxy, route, signal));
  if (setting) return setting;
  const domain = (error.details as Partial<RefusedRoute> | undefined)?.domain;
  return domain === undefined ? null : fieldOf(domain, route, fields);
}

/** What is pulled has to fit; how large it is the registry does not say before. */
async function demandRoom({ world, makeRoom, signal }: Context): Promise<void> {
  if (await makeRoom(signal)) return;
  const { total_bytes, available_bytes } = await world.resources.dockerDisk(signal);
  const percent = (100 * available_bytes) / total_bytes;
  if (percent >= ROOM_PERCENT_MIN) return;
  const message = `Docker's disk is almost full (${percent.toFixed(1)} % free), so nothing is pulled; remove images or old releases, or enlarge it.`;
  throw new StepFailure(message, {}, { field: 'image' });
}

/** Retention keeps {@link DEFAULTS.disk_free_percent_min} free where it can; below half of that it could not. */
const ROOM_PERCENT_MIN = DEFAULTS.disk_free_percent_min / 2;

/** Throws a {@link StepFailure} that tells of it when a registry is asked without the credentials that the request had. */
export async function withCredentials<T>(
  { has_credentials, credentials }: { has_credentials: boolean; credentials: RegistryCredentials | null },
  ask: () => Promise<T>,
): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!has_credentials || credentials !== null || !(error instanceof DomainError)) throw error;
    const why =
      'The daemon was restarted, and the registry credentials of this operation are never stored; begin it again with them.';
    throw new StepFailure(`${why} (${error.message})`, {}, { cause: error.cause });
  }
}

async function named<T>(field: string, check: Promise<T>): Promise<T> {
  try {
    return await check;
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    throw new StepFailure(error.message, {}, { cause: error.cause, field });
  }
}
