/** Backup and restore over the API. */

import type { Backups } from '../backup/create.ts';
import { splitPassphrase } from '../backup/passphrase.ts';
import type { Restores } from '../backup/restore.ts';
import type { RestoreReport } from '../contract/backup.ts';
import type { NewEvent } from '../engine/ports.ts';
import { Sealed } from '../secrets/sealed.ts';
import type { RequestContext, RouteRequest } from './handlers.ts';

export interface BackupServiceParts {
  backups: Pick<Backups, 'create'>;
  restores: Pick<Restores, 'run'>;
  publishEvent(event: Omit<NewEvent, 'ts'>): void;
  /** Ends the daemon, so that its next start has the restored state. Called once what was asked is answered. */
  restart(): void;
}

export class BackupService {
  readonly #parts: BackupServiceParts;

  constructor(parts: BackupServiceParts) {
    this.#parts = parts;
  }

  async create({ body, context }: RouteRequest<'createBackup'>): Promise<AsyncIterable<Uint8Array>> {
    const made = await this.#parts.backups.create(new Sealed(body.passphrase), context.signal);
    return this.#told(made, context);
  }

  async restore({ query, upload, context }: RouteRequest<'restoreBackup'>): Promise<RestoreReport> {
    const { passphrase, file } = await splitPassphrase(upload);
    const { actor, signal } = context;
    const report = await this.#parts.restores.run({ file, passphrase, is_applied: query.apply === true, actor, signal });
    // By then all that needs no waiting is done: the answer is written.
    if (report.applied) setImmediate(() => this.#parts.restart());
    return report;
  }

  /** Only what was read to its end is a backup. */
  async *#told(made: AsyncIterable<Uint8Array>, { actor }: RequestContext): AsyncGenerator<Uint8Array> {
    yield* made;
    const message = `A backup was made by ${actor}`;
    this.#parts.publishEvent({ kind: 'backup.created', level: 'info', message, app_name: null, operation: null });
  }
}
