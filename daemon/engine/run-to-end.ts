/** Sees an operation to an end, also when something fails outside its steps: a bug must not keep its app busy for ever. */
import type { EngineLog } from './engine.ts';
import type { Clock, Journal } from './ports.ts';
import type { OperationRecord } from './state.ts';

export interface Attempts {
  journal: Pick<Journal, 'getOperation'>;
  clock: Pick<Clock, 'sleep'>;
  log: EngineLog;
  /** Runs it from where its record stands, as a start of the daemon does. */
  resume(record: OperationRecord): Promise<OperationRecord>;
  /** Writes that it got stuck, and why. */
  giveUp(record: OperationRecord, error: unknown): Promise<OperationRecord>;
  /** Aborted when the daemon stops. */
  stopping: AbortSignal;
}

const RESUMPTIONS_MAX = 3;
const RETRY_MS = 1_000;
const RETRY_MS_MAX = 60_000;

/**
 * Resolves with its last record. What fails is resumed a few times from what the journal says, then written to be stuck, which is tried until
 * it succeeds. Rejects when the daemon stops first, or the journal no longer knows the operation.
 */
export async function runToEnd(start: OperationRecord, parts: Attempts): Promise<OperationRecord> {
  const { clock, log, stopping } = parts;
  const { id } = start;
  let failure: unknown = null;
  for (let count = 0; ; count += 1) {
    try {
      if (count === 0) return await parts.resume(start);
      const record = parts.journal.getOperation(id);
      if (record === null) break;
      if (record.state !== 'running') return record;
      return await (count <= RESUMPTIONS_MAX ? parts.resume(record) : parts.giveUp(record, failure));
    } catch (error) {
      stopping.throwIfAborted();
      failure = error;
      log.error({ err: error, operation: id, count }, 'an operation failed outside its steps; it is taken up again');
    }
    await clock.sleep(Math.min(RETRY_MS * 2 ** count, RETRY_MS_MAX), stopping);
  }
  throw failure;
}
