/** Providers of secrets over the API: which there are, and what is pulled from them, on demand and before a deploy. */
import { DomainError } from '../contract/errors.ts';
import type { RouteBody, RouteQuery } from '../contract/routes.ts';
import type { SecretProvider } from '../contract/secret-providers.ts';
import { ownerOf, type SecretChange, type SecretOwner, type SecretsChanged } from '../contract/secrets.ts';
import type { NewEvent } from '../engine/ports.ts';
import { appOf, describeOwner } from '../secrets/owners.ts';
import type { ProviderRecords } from '../secrets/provider-records.ts';
import type { Pulled, SecretProviders } from '../secrets/providers.ts';
import type { Vault } from '../secrets/vault.ts';
import type { RequestContext } from './handlers.ts';
import type { SecretService } from './service-secrets.ts';

export interface ProviderServiceParts {
  vault: Pick<Vault, 'sync'>;
  records: ProviderRecords;
  providers: SecretProviders;
  secrets: Pick<SecretService, 'changed' | 'tell'>;
  publishEvent(event: Omit<NewEvent, 'ts'>): void;
}

export interface Deploying {
  app_name: string;
  project: string | null;
  actor: string;
  signal: AbortSignal;
}

export class ProviderService {
  readonly #parts: ProviderServiceParts;

  constructor(parts: ProviderServiceParts) {
    this.#parts = parts;
  }

  /** Throws `invalid_request`. It is not asked for anything yet. */
  async set(body: RouteBody<'setSecretProvider'>, { actor }: RequestContext): Promise<SecretProvider> {
    const owner = ownerOf(body);
    await this.#parts.providers.demandSound(body.provider);
    const set = this.#parts.records.set(owner, body.provider, actor);
    this.#tell('secrets.provider_set', owner, `The provider of secrets of ${describeOwner(owner)} was set by ${actor}`);
    return set;
  }

  list(): SecretProvider[] {
    return this.#parts.records.list();
  }

  /** Throws `not_found`. */
  async remove(query: RouteQuery<'removeSecretProvider'>, { actor }: RequestContext): Promise<SecretProvider> {
    const owner = ownerOf(query);
    const removed = this.#parts.records.remove(owner);
    this.#tell('secrets.provider_removed', owner, `The provider of secrets of ${describeOwner(owner)} was removed by ${actor}`);
    return removed;
  }

  /** Throws as {@link SecretProviders.pull} does, having changed nothing. */
  async pull(body: RouteBody<'pullSecrets'>, context: RequestContext): Promise<SecretsChanged> {
    const owner = ownerOf(body);
    const pulled = await this.#ask(owner, context.signal);
    const changes = this.#keep(pulled, context.actor, body.dry_run);
    return this.#parts.secrets.changed(owner, changes, body, context);
  }

  /**
   * Of every scope that the app is given secrets from and that has a provider: all of them, or, where one cannot be pulled, none. Throws as
   * {@link SecretProviders.pull} does.
   */
  async pullFor({ app_name, project, actor, signal }: Deploying): Promise<void> {
    const owners: SecretOwner[] = [
      { scope: 'global' },
      ...(project === null ? [] : [{ scope: 'project' as const, project }]),
      { scope: 'app', app_name },
    ];
    const stop = new AbortController();
    const either = AbortSignal.any([signal, stop.signal]);
    try {
      const asked = owners.filter((owner) => this.#parts.records.has(owner)).map((owner) => this.#ask(owner, either));
      const all = await Promise.all(asked);
      for (const { from } of all) this.#parts.records.demandUnchanged(from);
      for (const pulled of all) {
        const changes = this.#keep(pulled, actor, false);
        this.#parts.secrets.tell(pulled.from.owner, changes, actor);
      }
    } finally {
      stop.abort(new Error('another provider could not be asked'));
    }
  }

  async #ask(owner: SecretOwner, signal: AbortSignal): Promise<Pulled> {
    try {
      const pulled = await this.#parts.providers.pull(owner, signal);
      this.#parts.records.noteOutcome(owner, null);
      return pulled;
    } catch (error) {
      if (error instanceof DomainError && error.code !== 'not_found' && !signal.aborted) {
        this.#parts.records.noteOutcome(owner, error.message);
        this.#tell('secrets.pull_failed', owner, error.message.replace(/\.$/, ''), 'warning');
      }
      throw error;
    }
  }

  #keep({ from, secrets }: Pulled, actor: string, is_dry: boolean): SecretChange[] {
    const { vault, records } = this.#parts;
    records.demandUnchanged(from);
    const changes = vault.sync({ owner: from.owner, secrets, origin: from.provider.kind, removes: 'own', actor, is_dry });
    if (!is_dry) records.notePull(from);
    return changes;
  }

  #tell(kind: NewEvent['kind'], owner: SecretOwner, message: string, level: NewEvent['level'] = 'info'): void {
    this.#parts.publishEvent({ kind, level, message, app_name: appOf(owner), operation: null });
  }
}
