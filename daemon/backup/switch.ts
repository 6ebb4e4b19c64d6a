/**
 * How a restored state takes the place of the one before. It is staged beside it; then one record says that it is to be switched to, which is
 * the moment that decides. The moves come after, when no daemon has the database open: at the next start, which goes on with them wherever a
 * kill has ended them. Without the record, what is staged is thrown away.
 */
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { DomainError } from '../contract/errors.ts';
import { timestampSchema } from '../contract/names.ts';
import { TREES, type TreeName } from './manifest.ts';
import type { BackupFiles, Places } from './ports.ts';

const moveSchema = z.strictObject({
  live: z.string(),
  /** Null: the state that is restored has none. */
  staged: z.string().nullable(),
  /** Where what is there now goes. */
  kept: z.string(),
});
type Move = z.infer<typeof moveSchema>;

const recordSchema = z.strictObject({
  id: z.string().regex(/^[a-z0-9-]+$/),
  /** `switched`: all moves are done; what is left needs the daemon. */
  state: z.enum(['committed', 'switched']),
  actor: z.string(),
  backup: z.strictObject({ created_at: timestampSchema, hostname: z.string(), version: z.string() }),
  moves: z.array(moveSchema),
  /** Apps to start, and apps of the state before whose markers are to go. */
  starts: z.array(z.string()),
  gone: z.array(z.string()),
  /** What to do for others, in sentences. */
  remedies: z.array(z.string()),
});
export type RestoreRecord = z.infer<typeof recordSchema>;

const STAGED = 'restore-staged';
const KEPT = 'before-restore-';

export const backupDirectory = ({ state_directory }: Places) => join(state_directory, 'backup-temporary');
const recordFile = ({ state_directory }: Places) => join(state_directory, 'restore.json');
/** On the file system of what it is to replace. */
export const stagedPath = (live: string) => join(dirname(live), STAGED, basename(live));

/** Each directory that something of the state is directly in. */
function homesOf({ database, master_key, trees }: Places): string[] {
  return [...new Set([database, master_key, ...TREES.map((name) => trees[name])].map((path) => dirname(path)))];
}

/** `restored`: of the directories, those that the backup has. An account is not taken away by a backup without one. */
export function planMoves(places: Places, restored: ReadonlySet<TreeName>, id: string): Move[] {
  const move = (live: string, isStaged: boolean): Move => ({
    live,
    staged: isStaged ? stagedPath(live) : null,
    kept: join(dirname(live), `${KEPT}${id}`, basename(live)),
  });
  const { database, master_key, trees } = places;
  return [
    // What SQLite has beside the old database means nothing to the new one, and is not to be there when that comes.
    move(`${database}-wal`, false),
    move(`${database}-shm`, false),
    move(database, true),
    move(`${master_key}.next`, false),
    move(master_key, true),
    ...TREES.filter((name) => name === 'certificates' || restored.has(name)).map((name) => move(trees[name], restored.has(name))),
  ];
}

/** Where the state before is kept. */
export function keptIn(moves: readonly Move[]): string[] {
  return [...new Set(moves.map(({ kept }) => dirname(kept)))];
}

/** From here on the next start of the daemon has the new state. Throws `unprocessable`, having decided nothing, where something cannot be moved. */
export async function commitSwitch(record: RestoreRecord, places: Places, files: BackupFiles): Promise<void> {
  for (const { live } of record.moves) {
    if (await files.isMovable(live)) continue;
    const message = `${live} is a mount of its own, so that nothing can take its place in one step. Unmount it first. Nothing was changed.`;
    throw new DomainError('unprocessable', message);
  }
  await files.writeRecord(recordFile(places), JSON.stringify(record));
}

export async function readRecord(places: Places, files: BackupFiles): Promise<RestoreRecord | null> {
  const text = await files.readText(recordFile(places));
  if (text === null) return null;
  try {
    return recordSchema.parse(JSON.parse(text));
  } catch (cause) {
    const message = `The record of a restore, ${recordFile(places)}, is damaged. NextDeploy does not start, because it cannot tell which state is to serve; the apps keep serving. docs/decisions/024 says what is where.`;
    throw new DomainError('unavailable', message, { cause });
  }
}

/** Before the database is opened. Does what a restore has decided and nobody has done yet; null: there is none. */
export async function completeSwitch(places: Places, files: BackupFiles): Promise<RestoreRecord | null> {
  const record = await readRecord(places, files);
  if (record === null || record.state === 'switched') return record;
  for (const directory of keptIn(record.moves)) await files.makeDirectory(directory);
  for (const move of record.moves) await carryOut(move, files);
  const switched: RestoreRecord = { ...record, state: 'switched' };
  await files.writeRecord(recordFile(places), JSON.stringify(switched));
  return switched;
}

/** Whatever was done of it before. */
async function carryOut({ live, staged, kept }: Move, files: BackupFiles): Promise<void> {
  // Moved into its place already.
  if (staged !== null && !(await files.exists(staged))) return;
  if (await files.exists(live)) {
    // With the one before kept, this is what somebody has made since.
    if (await files.exists(kept)) await files.remove(live);
    else await files.rename(live, kept);
  }
  if (staged !== null) await files.rename(staged, live);
}

/** Once the apps are seen to. */
export async function endSwitch(places: Places, files: BackupFiles): Promise<void> {
  await files.remove(recordFile(places));
}

/** At the start of the daemon: what a backup or a restore has left that was not brought to its end, and states that are older than the one kept. */
export async function sweep(record: RestoreRecord | null, places: Places, files: BackupFiles): Promise<void> {
  await files.remove(backupDirectory(places));
  await discardStaged(places, files);
  if (record === null) return;
  for (const home of homesOf(places)) {
    const older = (await files.list(home)).filter((name) => name.startsWith(KEPT) && name !== `${KEPT}${record.id}`);
    for (const name of older) await files.remove(join(home, name));
  }
}

export async function discardStaged(places: Places, files: BackupFiles): Promise<void> {
  for (const home of homesOf(places)) await files.remove(join(home, STAGED));
}

export async function makeStaged(places: Places, trees: ReadonlySet<TreeName>, files: BackupFiles): Promise<void> {
  await discardStaged(places, files);
  const wanted = [places.database, places.master_key, ...[...trees].map((name) => places.trees[name])];
  for (const home of new Set(wanted.map((path) => dirname(path)))) await files.makeDirectory(join(home, STAGED));
}
