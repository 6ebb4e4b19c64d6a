/** What a restore leaves to the daemon once it has started with the new state: containers of the state before, and apps to start. */
import type { AuditEntry } from '../contract/access.ts';
import type { Operation } from '../contract/domain.ts';
import { DomainError } from '../contract/errors.ts';
import type { Clock, Containers, Journal, Markers, NewEvent } from '../engine/ports.ts';
import type { BackupFiles, Places, StateDatabases } from './ports.ts';
import { endSwitch, type RestoreRecord } from './switch.ts';

export interface AftermathParts {
  record: RestoreRecord;
  places: Places;
  files: BackupFiles;
  databases: Pick<StateDatabases, 'lastRestoreIn'>;
  journal: Pick<Journal, 'getOperation'>;
  containers: Pick<Containers, 'list' | 'remove'>;
  markers: Pick<Markers, 'remove'>;
  clock: Pick<Clock, 'sleep'>;
  start(app: string, actor: string, signal: AbortSignal): Promise<Operation>;
  appendAudit(entry: Omit<AuditEntry, 'seq'>): void;
  publish(event: Omit<NewEvent, 'ts'>): void;
  log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
}

const STOP_TIMEOUT_MS = 5_000;
const RETRY_MS = 1_000;
const ATTEMPTS_MAX = 5;

/**
 * Removes containers that the restored state knows nothing of: they stand on addresses, and under names, that its apps need. To be awaited before
 * anything is recovered. Never rejects.
 */
export async function removeSuperseded({ journal, containers, clock, log }: AftermathParts, signal: AbortSignal): Promise<void> {
  for (let count = 1; count <= ATTEMPTS_MAX && !signal.aborted; count += 1) {
    try {
      for (const { id, name, app_name, operation_id } of await containers.list(signal)) {
        if (journal.getOperation(operation_id) !== null) continue;
        log.info({ container: name, app: app_name }, 'removing a container of the state before the restore');
        await containers.remove({ name: id, app_name, operation_id }, STOP_TIMEOUT_MS, signal);
      }
      return;
    } catch (err) {
      log.warn({ err }, 'could not remove the containers of the state before the restore');
      await clock.sleep(RETRY_MS * count, signal).catch(() => undefined);
    }
  }
}

/** Once what was left has been recovered. Never rejects; a kill in between, and the next start does it once more. */
export async function finishRestore(parts: AftermathParts, signal: AbortSignal): Promise<void> {
  const { record, places, files, markers, start, publish, log } = parts;
  for (const name of record.gone)
    await markers.remove(name).catch((err: unknown) => log.warn({ err, app: name }, 'a marker stays'));
  const remedies = [...record.remedies];
  for (const name of record.starts) {
    try {
      await start(name, record.actor, signal);
    } catch (error) {
      if (signal.aborted) return;
      // It was begun before a kill.
      if (error instanceof DomainError && error.code === 'conflict') continue;
      log.warn({ err: error, app: name }, 'could not start an app after the restore');
      remedies.push(`${name}: ${error instanceof DomainError ? error.message : `start it with \`nextdeploy start ${name}\``}`);
    }
  }
  if (signal.aborted) return;
  carryAudit(parts);
  publish({
    kind: 'state.restored',
    level: remedies.length === 0 ? 'info' : 'warning',
    message: describe(record, remedies),
    app_name: null,
    operation: null,
  });
  await endSwitch(places, files).catch((err: unknown) =>
    log.warn({ err }, 'the record of the restore stays until the next start'),
  );
}

function describe({ id, actor, backup, moves }: RestoreRecord, remedies: readonly string[]): string {
  const kept = moves.find(({ live }) => live.endsWith('.db'))?.kept ?? '';
  const told = `The state of ${backup.hostname} of ${backup.created_at} was restored by ${actor} (${id}); the one before is kept beside ${kept}`;
  return remedies.length === 0 ? told : `${told}. To do: ${remedies.join('; ')}`;
}

/** Who restored is to be found in the log that came with it, too. */
function carryAudit({ record, databases, appendAudit, log }: AftermathParts): void {
  try {
    const kept = record.moves.find(({ live }) => live.endsWith('.db'))?.kept;
    const entry = kept === undefined ? null : databases.lastRestoreIn(kept);
    if (entry !== null) appendAudit(entry);
  } catch (err) {
    log.warn({ err }, 'the entry of the audit log about the restore could not be carried over');
  }
}
