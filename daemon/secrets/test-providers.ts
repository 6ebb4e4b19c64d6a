/** Everything that asks providers: on a real database and real files, over the real network of this machine. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DomainError } from '../contract/errors.ts';
import { type Provider, providerSchema } from '../contract/secret-providers.ts';
import type { SecretOwner } from '../contract/secrets.ts';
import type { Clock } from '../engine/ports.ts';
import { createParameterStore } from '../host/aws-parameters.ts';
import { systemClock } from '../host/clock.ts';
import { AllowedFiles } from '../host/encrypted-files.ts';
import { MasterKeyFiles } from '../host/key-files.ts';
import { providerHttp } from '../host/provider-http.ts';
import { Store } from '../host/store.ts';
import { ProviderRecords } from './provider-records.ts';
import { SecretProviders } from './providers.ts';
import { Vault } from './vault.ts';

export const APP: SecretOwner = { scope: 'app', app_name: 'shop' };

export interface TestProviders extends AsyncDisposable {
  directory: string;
  databaseFile: string;
  store: Store;
  vault: Vault;
  records: ProviderRecords;
  providers: SecretProviders;
  /** Waits that would have been slept. */
  waits: number[];
  /** As a request has it. */
  set(provider: Record<string, unknown>, owner?: SecretOwner): void;
  /** Opened. */
  pull(owner?: SecretOwner, signal?: AbortSignal): Promise<Record<string, string>>;
  failure(owner?: SecretOwner): Promise<{ code: string; message: string; details: unknown }>;
}

/** `left_ms`: of the time of a pull when it is first asked. Waits between attempts pass at once. */
export async function startProviders({ left_ms }: { left_ms?: number } = {}): Promise<TestProviders> {
  const directory = mkdtempSync(join(tmpdir(), 'nextdeploy-providers-'));
  const databaseFile = join(directory, 'nextdeploy.db');
  const store = new Store(databaseFile);
  const files = new MasterKeyFiles(join(directory, 'master.key'));
  const vault = await Vault.open({ store: store.secrets, files, now: systemClock.now });
  const records = new ProviderRecords({ store: store.secrets, vault, now: systemClock.now });
  const waits: number[] = [];
  let slept_ms = 0;
  let readings = 0;
  const clock: Clock = {
    ...systemClock,
    monotonicMs: () => {
      readings += 1;
      const jump_ms = left_ms === undefined || readings === 1 ? 0 : 20_000 - left_ms;
      return performance.now() + slept_ms + jump_ms;
    },
    sleep: async (ms, signal) => {
      waits.push(ms);
      slept_ms += ms;
      signal.throwIfAborted();
    },
  };
  const providers = new SecretProviders({
    ...{ records, http: providerHttp, parameters: createParameterStore(providerHttp), clock, random: () => 0 },
    files: new AllowedFiles([directory]),
  });
  const pull: TestProviders['pull'] = async (owner = APP, signal = new AbortController().signal) => {
    const { secrets } = await providers.pull(owner, signal);
    return Object.fromEntries([...secrets].map(([name, value]) => [name, value.open()]));
  };
  return {
    ...{ directory, databaseFile, store, vault, records, providers, waits, pull },
    set: (provider, owner = APP) => void records.set(owner, providerSchema.parse(provider) satisfies Provider, 'ana'),
    failure: async (owner = APP) => {
      const error = await pull(owner).then(
        () => null,
        (thrown: unknown) => thrown,
      );
      if (!(error instanceof DomainError)) throw new Error('it did not fail as it should', { cause: error });
      const { code, message, details } = error;
      return { code, message, details };
    },
    async [Symbol.asyncDispose]() {
      store.close();
      rmSync(directory, { recursive: true });
    },
  };
}
