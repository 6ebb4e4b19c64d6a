/** Secrets over the API: what changes, whom it concerns, and the new releases that take it over. */
import { DomainError } from '../contract/errors.ts';
import type { RouteBody, RouteQuery } from '../contract/routes.ts';
import {
  ownerOf,
  type Secret,
  type SecretChange,
  type SecretOwner,
  type SecretPin,
  type SecretsChanged,
} from '../contract/secrets.ts';
import type { Engine } from '../engine/engine.ts';
import type { Journal, NewEvent } from '../engine/ports.ts';
import { appOf } from '../secrets/owners.ts';
import { Sealed } from '../secrets/sealed.ts';
import type { SecretFilter, Vault } from '../secrets/vault.ts';
import type { RequestContext } from './handlers.ts';

export interface SecretServiceParts {
  vault: Vault;
  providers: { has(owner: SecretOwner): boolean };
  engine: Pick<Engine, 'begin'>;
  journal: Pick<Journal, 'listApps' | 'getRelease'>;
  publishEvent(event: Omit<NewEvent, 'ts'>): void;
}

const NAMED_IN_EVENT_MAX = 10;

export class SecretService {
  readonly #parts: SecretServiceParts;

  constructor(parts: SecretServiceParts) {
    this.#parts = parts;
  }

  /** Also for an app that is not there yet: its first deploy takes them. */
  async sync(body: RouteBody<'syncSecrets'>, context: RequestContext): Promise<SecretsChanged> {
    const owner = ownerOf(body);
    const secrets = new Map(Object.entries(body.secrets).map(([name, value]) => [name, new Sealed(value)]));
    // What a provider brings would come back with the next pull.
    const removes = body.mode === 'merge' ? 'none' : this.#parts.providers.has(owner) ? 'own' : 'all';
    const sync = { owner, secrets, origin: null, removes, actor: context.actor, is_dry: body.dry_run } as const;
    return this.changed(owner, this.#parts.vault.sync(sync), body, context);
  }

  list(filter: SecretFilter): Secret[] {
    return this.#parts.vault.list(filter);
  }

  /** Throws `not_found`. */
  async remove(query: RouteQuery<'removeSecret'>, context: RequestContext): Promise<SecretsChanged> {
    const owner = ownerOf(query);
    const change = this.#parts.vault.remove(owner, query.name, context.actor);
    return this.changed(owner, [change], { dry_run: false, roll: query.roll === true }, context);
  }

  async rotateKey({ actor }: RequestContext): Promise<{ key_id: string; secrets: number }> {
    const rotated = await this.#parts.vault.rotateKey();
    const message = `The master key was rotated by ${actor}; it is key ${rotated.key_id} now: keep a copy of its file`;
    this.#parts.publishEvent({ kind: 'secrets.key_rotated', level: 'info', message, app_name: null, operation: null });
    return rotated;
  }

  /** Tells of changes that were made, and rolls the apps concerned where that is asked for. With `dry_run` it does neither. */
  async changed(
    owner: SecretOwner,
    changes: SecretChange[],
    { dry_run, roll }: { dry_run: boolean; roll: boolean },
    context: RequestContext,
  ): Promise<SecretsChanged> {
    const apps = this.#concerned(owner, changedNames(changes));
    if (!dry_run) this.tell(owner, changes, context.actor);
    const rolled: SecretsChanged['rolled'] = [];
    const not_rolled: SecretsChanged['not_rolled'] = [];
    for (const app_name of roll && !dry_run ? apps : []) {
      try {
        const { actor, signal } = context;
        const operation = await this.#parts.engine.begin(app_name, { kind: 'roll' }, { actor, idempotency: null, signal });
        rolled.push({ app_name, operation_id: operation.id });
      } catch (error) {
        // The secrets are changed, and other apps may take them over all the same.
        if (!(error instanceof DomainError)) throw error;
        not_rolled.push({ app_name, reason: error.message });
      }
    }
    return { dry_run, changes, apps, rolled, not_rolled };
  }

  /** Apps that are given one of these by this owner: what a narrower scope sets as well does not reach them. */
  #concerned(owner: SecretOwner, names: ReadonlySet<string>): string[] {
    const { journal, vault } = this.#parts;
    const concerned = journal.listApps().flatMap(({ name, release }) => {
      const live = release === null ? null : journal.getRelease(name, release);
      if (live === null || live.configuration.secrets.inject === 'none') return [];
      const project = live.configuration.project ?? null;
      const isReached =
        owner.scope === 'global' || (owner.scope === 'project' ? owner.project === project : owner.app_name === name);
      if (!isReached) return [];
      const narrower = vault
        .pin(name, project)
        .filter((pin) => isNarrower(pin, owner))
        .map((pin) => pin.name);
      const shadowed = new Set(narrower);
      return [...names].some((changed) => !shadowed.has(changed)) ? [name] : [];
    });
    return concerned.toSorted((a, b) => a.localeCompare(b));
  }

  tell(owner: SecretOwner, changes: readonly SecretChange[], actor: string): void {
    const names = [...changedNames(changes)];
    if (names.length === 0) return;
    const named = names.slice(0, NAMED_IN_EVENT_MAX).join(', ');
    const more = names.length > NAMED_IN_EVENT_MAX ? ` and ${names.length - NAMED_IN_EVENT_MAX} more` : '';
    const whose =
      owner.scope === 'global'
        ? 'of all apps'
        : owner.scope === 'project'
          ? `of the project ${owner.project}`
          : `of ${owner.app_name}`;
    const message = `Secrets ${whose} changed by ${actor}: ${named}${more}`;
    this.#parts.publishEvent({ kind: 'secrets.changed', level: 'info', message, app_name: appOf(owner), operation: null });
  }
}

function changedNames(changes: readonly SecretChange[]): Set<string> {
  const isChange = ({ change }: SecretChange) => change !== 'unchanged' && change !== 'kept';
  return new Set(changes.filter(isChange).map(({ name }) => name));
}

const WIDTH = { global: 0, project: 1, app: 2 } as const;

function isNarrower(pin: SecretPin, owner: SecretOwner): boolean {
  return WIDTH[pin.scope] > WIDTH[owner.scope];
}
