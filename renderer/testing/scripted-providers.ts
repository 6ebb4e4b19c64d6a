import type { RouteBody, RouteQuery } from '../../daemon/contract/routes.ts';
import { type ProviderSettings, type SecretProvider, secretProviderSchema } from '../../daemon/contract/secret-providers.ts';
import { ownerOf, type SecretChange, type SecretOwner, type SecretsChanged } from '../../daemon/contract/secrets.ts';
import { isSameOwner, providerOf } from '../state/providers.ts';
import { ownerOfSecret } from '../state/secrets.ts';
import { Refusal } from './scripted-bridge.ts';
import { changeSecrets, fingerprint, type Roll } from './scripted-secrets.ts';
import { ago, type WorldHost } from './world.ts';

/** What every provider of the script has: one value as it was, one that is another, one that was set by hand, one that is new. */
const CONTENTS = { SEARCH_KEY: 'search-1', SMTP_PASSWORD: 'smtp-3', STRIPE_KEY: 'sk_live_9', PAYPAL_SECRET: 'pp-1' };

/** As the daemon answers `POST /secrets/providers`: it keeps the credentials to itself. */
export function setProvider(world: WorldHost, body: RouteBody<'setSecretProvider'>): SecretProvider {
  const owner = ownerOf(body);
  if (body.provider.kind === 'age' && !body.provider.file.startsWith('/etc/nextdeploy/age/')) {
    const message = 'it lies beneath none of the directories that the configuration allows: /etc/nextdeploy/age';
    const details = [{ field: 'provider.file', message }];
    throw new Refusal({ code: 'invalid_request', message: `Field "provider.file" is not valid: ${message}.`, details });
  }
  const set = secretProviderSchema.parse({
    ...{ scope: body.scope, project: body.project ?? null, app_name: body.app_name ?? null },
    provider: settingsOf(body.provider),
    ...{ set_at: ago(0), set_by: 'admin', pulled_at: null, last_failure: null },
  });
  world.providers = [...without(world, owner), set];
  return set;
}

function settingsOf(provider: RouteBody<'setSecretProvider'>['provider']): ProviderSettings {
  switch (provider.kind) {
    case 'doppler': {
      const { kind, project, config, endpoint } = provider;
      return { kind, project, config, endpoint };
    }
    case 'aws_ssm': {
      const { kind, region, path, access_key_id } = provider;
      return { kind, region, path, credentials: access_key_id === undefined ? 'host' : 'keys' };
    }
    case 'age':
      return { kind: provider.kind, file: provider.file };
  }
}

/** As the daemon answers `DELETE /secrets/providers`. */
export function removeProvider(world: WorldHost, query: RouteQuery<'removeSecretProvider'>): SecretProvider {
  const owner = ownerOf(query);
  const gone = demand(world, owner);
  world.providers = without(world, owner);
  return gone;
}

/** As the daemon answers `POST /secrets/pull`; one that failed before fails again. */
export function pullSecrets(world: WorldHost, body: RouteBody<'pullSecrets'>, roll: Roll): SecretsChanged {
  const owner = ownerOf(body);
  const provider = demand(world, owner);
  const put = (part: Partial<SecretProvider>) => {
    world.providers = [...without(world, owner), { ...provider, ...part }];
  };
  if (provider.last_failure !== null) {
    put({ last_failure: { ...provider.last_failure, at: ago(0) } });
    throw new Refusal({ code: 'unprocessable', message: provider.last_failure.message });
  }
  const own = world.secrets.filter((each) => isSameOwner(ownerOfSecret(each), owner));
  const changes = Object.entries(CONTENTS).map(([name, value]): SecretChange => {
    const before = own.find((each) => each.name === name);
    const print = fingerprint(owner, name, value);
    if (before !== undefined && before.origin === null)
      return { name, change: 'kept', version: before.version, fingerprint: before.fingerprint };
    const change = before === undefined ? 'added' : before.fingerprint === print ? 'unchanged' : 'changed';
    return { name, change, version: (before?.version ?? 0) + (change === 'unchanged' ? 0 : 1), fingerprint: print };
  });
  if (!body.dry_run) put({ pulled_at: ago(0) });
  return changeSecrets(world, owner, changes, {
    is_dry: body.dry_run,
    roll: body.roll ? roll : null,
    origin: provider.provider.kind,
  });
}

const without = (world: WorldHost, owner: SecretOwner) =>
  world.providers.filter((each) => !isSameOwner(ownerOfSecret(each), owner));

function demand(world: WorldHost, owner: SecretOwner): SecretProvider {
  const found = providerOf(world.providers, owner);
  if (found === undefined) throw new Refusal({ code: 'not_found', message: 'There is no provider of secrets for it; set one.' });
  return found;
}
