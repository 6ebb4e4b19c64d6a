/** Everything that a daemon keeps, as lines to compare: each row of its database and each file beside it. */
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

export interface StatePlaces {
  database: string;
  /** Each with all beneath it. */
  directories: string[];
}

/** By table or directory. */
export type State = Record<string, string[]>;

/** Tables that a refused request is meant to be written to. */
const WRITTEN_TABLES: ReadonlySet<string> = new Set(['audit']);
/** Events that a refused request is meant to cause: too many wrong tokens, and a provider that was asked and did not answer. */
const WRITTEN_EVENTS: ReadonlySet<string> = new Set(['auth.failed', 'secrets.pull_failed']);
/** A valid token was used, whatever for. */
const WRITTEN_COLUMNS: ReadonlySet<string> = new Set(['tokens.last_used_at']);
/** Their next numbers. */
const WRITTEN_SEQUENCES: ReadonlySet<string> = new Set(['audit', 'events']);

const SHOWN_CHARACTERS = 160;

export function readState({ database, directories }: StatePlaces): State {
  const files = directories.map((directory): [string, string[]] => [directory, filesOf(directory)]);
  return { ...tablesOf(database), ...Object.fromEntries(files) };
}

function tablesOf(file: string): State {
  const database = new DatabaseSync(file, { readOnly: true, timeout: 10_000 });
  try {
    const tables = database
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
      .all()
      .map(({ name }) => String(name));
    const kept = tables.filter((table) => !WRITTEN_TABLES.has(table));
    return Object.fromEntries(kept.map((table) => [table, rowsOf(database, table)]));
  } finally {
    database.close();
  }
}

function rowsOf(database: DatabaseSync, table: string): string[] {
  const rows = database.prepare(`SELECT * FROM "${table}"`).all();
  return rows.flatMap((row) => {
    if (table === 'sqlite_sequence' && WRITTEN_SEQUENCES.has(String(row.name))) return [];
    if (table === 'events' && WRITTEN_EVENTS.has(String((JSON.parse(String(row.event)) as { kind: unknown }).kind))) return [];
    const columns = Object.entries(row).filter(([column]) => !WRITTEN_COLUMNS.has(`${table}.${column}`));
    const text = columns.map(
      ([column, value]) => `${column}=${value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value)}`,
    );
    return [line(text.join(' '), '')];
  });
}

/** The database itself is read by its tables; a backup that is being made, or read, has files of its own for that long. */
const NOT_COMPARED = /^nextdeploy\.db|^backup-temporary$/;

function filesOf(directory: string): string[] {
  const lines: string[] = [];
  const visit = (path: string) => {
    const entry = lstatSync(path);
    const mode = (entry.mode & 0o7777).toString(8);
    if (entry.isSymbolicLink()) lines.push(line(`${path} ${mode}`, readlinkSync(path)));
    else if (entry.isDirectory()) {
      lines.push(line(`${path} ${mode}`, ''));
      for (const name of readdirSync(path).toSorted()) if (!NOT_COMPARED.test(name)) visit(join(path, name));
    } else if (entry.isFile()) lines.push(line(`${path} ${mode}`, readFileSync(path)));
  };
  try {
    visit(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return lines;
}

function line(text: string, content: string | Buffer): string {
  const hash = createHash('sha256').update(text).update('\0').update(content).digest('hex').slice(0, 16);
  return `${text.slice(0, SHOWN_CHARACTERS)} #${hash}`;
}

/** What is in one and not in the other, each as `place: + line` or `place: - line`. */
export function differences(before: State, after: State): string[] {
  const places = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return places.flatMap((place) => {
    const [old, now] = [new Set(before[place] ?? []), new Set(after[place] ?? [])];
    const gone = [...old].filter((each) => !now.has(each)).map((each) => `${place}: - ${each}`);
    return [...gone, ...[...now].filter((each) => !old.has(each)).map((each) => `${place}: + ${each}`)];
  });
}
