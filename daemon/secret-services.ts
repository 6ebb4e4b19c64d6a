/** Wires what the API has about secrets: the vault, and the providers with the network and files of this host. */
import { ProviderService } from './api/service-providers.ts';
import { SecretService } from './api/service-secrets.ts';
import type { Config } from './config.ts';
import type { Engine } from './engine/engine.ts';
import type { NewEvent } from './engine/ports.ts';
import { createParameterStore } from './host/aws-parameters.ts';
import { systemClock } from './host/clock.ts';
import { AllowedFiles } from './host/encrypted-files.ts';
import { providerHttp } from './host/provider-http.ts';
import type { Store } from './host/store.ts';
import { ProviderRecords } from './secrets/provider-records.ts';
import { SecretProviders } from './secrets/providers.ts';
import type { Vault } from './secrets/vault.ts';

interface Parts {
  vault: Vault;
  store: Store;
  engine: Engine;
  publishEvent(event: Omit<NewEvent, 'ts'>): void;
}

export function createSecretServices(config: Config, { vault, store, engine, publishEvent }: Parts) {
  const records = new ProviderRecords({ store: store.secrets, vault, now: systemClock.now });
  const providers = new SecretProviders({
    records,
    http: providerHttp,
    parameters: createParameterStore(providerHttp),
    files: new AllowedFiles(config.secrets.age_directories),
    clock: systemClock,
    random: Math.random,
  });
  const secrets = new SecretService({ vault, providers: records, engine, journal: store, publishEvent });
  return { secrets, providers: new ProviderService({ vault, records, providers, secrets, publishEvent }) };
}
