/** Asks the providers of secrets, each for what one scope has there. Asking changes nothing. */
import { DomainError } from '../contract/errors.ts';
import type { Provider } from '../contract/secret-providers.ts';
import type { SecretOwner } from '../contract/secrets.ts';
import type { Clock } from '../engine/ports.ts';
import { describeOwner } from './owners.ts';
import type { EncryptedFiles, HttpClient, ParameterStore } from './ports.ts';
import type { OpenProvider, ProviderRecords } from './provider-records.ts';
import { isAgeIdentity, pullAgeFile } from './providers/age.ts';
import { pullParameters } from './providers/aws-ssm.ts';
import { pullDoppler } from './providers/doppler.ts';
import { ProviderFailure } from './providers/failure.ts';
import { type Patience, startPatience } from './providers/retry.ts';
import type { Sealed } from './sealed.ts';

export interface ProviderParts {
  records: ProviderRecords;
  http: HttpClient;
  parameters: ParameterStore;
  files: EncryptedFiles;
  clock: Clock;
  /** From 0 to 1. */
  random(): number;
}

/** What a provider had when it was asked. */
export interface Pulled {
  from: OpenProvider;
  secrets: ReadonlyMap<string, Sealed>;
}

export class SecretProviders {
  readonly #parts: ProviderParts;

  constructor(parts: ProviderParts) {
    this.#parts = parts;
  }

  /** Throws `invalid_request` for what only this server can see to be wrong with it. */
  async demandSound(provider: Provider): Promise<void> {
    if (provider.kind !== 'age') return;
    const problem = this.#parts.files.problemOf(provider.file);
    if (problem !== null) throw refused('provider.file', problem);
    if (!(await isAgeIdentity(provider.identity))) throw refused('provider.identity', 'its checksum is wrong; copy it anew');
  }

  /**
   * Within `LIMITS.provider_pull_ms_max`. Throws `not_found` where the owner has no provider, `unavailable` when it may answer later, and
   * `unprocessable` when something has to be set right first; rejects with the signal's reason.
   */
  async pull(owner: SecretOwner, signal: AbortSignal): Promise<Pulled> {
    const { records, clock, random } = this.#parts;
    const from = records.open(owner);
    try {
      const secrets = await this.#ask(from.provider, startPatience(clock, random, signal));
      signal.throwIfAborted();
      return { from, secrets };
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ProviderFailure)) throw error;
      const message = `The secrets of ${describeOwner(owner)} cannot be pulled: ${error.reason}.`;
      const code = error.retry === null ? 'unprocessable' : 'unavailable';
      throw new DomainError(code, message, { details: [{ field: 'secrets', message: error.reason }] });
    }
  }

  #ask(provider: Provider, patience: Patience): Promise<ReadonlyMap<string, Sealed>> {
    const { http, parameters, files } = this.#parts;
    switch (provider.kind) {
      case 'doppler':
        return pullDoppler(provider, http, patience);
      case 'aws_ssm':
        return pullParameters(provider, parameters, patience);
      case 'age':
        return pullAgeFile(provider, files);
    }
  }
}

function refused(field: string, message: string): DomainError {
  return new DomainError('invalid_request', `Field "${field}" is not valid: ${message}.`, { details: [{ field, message }] });
}
