/** What the rows of the database mean. */
import type { SQLOutputValue } from 'node:sqlite';
import { appConfigurationSchema } from '../../contract/configuration.ts';
import type { DaemonEvent, Release } from '../../contract/domain.ts';
import type { NewEvent, RemovedImage } from '../../engine/ports.ts';
import type { AppRecord, OperationRecord } from '../../engine/state.ts';

export type Row = Record<string, SQLOutputValue>;

export function releaseNumber(id: string): number {
  return Number(id.slice(1));
}

// The casts below are of what the store alone has written.

export function toApp(row: Row): AppRecord {
  const { slot_index, route, maintenance, routing, ...rest } = row;
  const parts = { route: parsed(route), maintenance: parsed(maintenance), routing: parsed(routing) };
  return { ...rest, ...parts, index: slot_index } as unknown as AppRecord;
}

/** What an earlier version did not know of gets its default. */
export function toRelease(row: Row): Release {
  const { number, configuration, nextcore, secrets, ...rest } = row;
  const complete = appConfigurationSchema.parse(parsed(configuration ?? null));
  const parts = { configuration: complete, nextcore: parsed(nextcore), secrets: parsed(secrets) };
  return { ...rest, id: `r${String(number)}`, ...parts } as unknown as Release;
}

export function toRemovedImage({ image_id, image, removed_at }: Row): RemovedImage {
  return { image_id: String(image_id), image: String(image), removed_at: String(removed_at) };
}

function parsed(value: SQLOutputValue | undefined): unknown {
  return value === null || value === undefined ? null : JSON.parse(String(value));
}

export function toRecord(row: Row): OperationRecord {
  return JSON.parse(String(row.record)) as OperationRecord;
}

export function toEvent(row: Row): DaemonEvent {
  return { seq: Number(row.seq), ...(JSON.parse(String(row.event)) as NewEvent) };
}
