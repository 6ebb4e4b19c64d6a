import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { differences, readState } from './state.ts';

let directory: string;
let database: DatabaseSync;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nextdeploy-state-'));
  database = new DatabaseSync(join(directory, 'nextdeploy.db'));
  database.exec(`
    CREATE TABLE apps (name TEXT, sealed BLOB);
    CREATE TABLE audit (seq INTEGER PRIMARY KEY AUTOINCREMENT, message TEXT);
    CREATE TABLE events (seq INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT);
    CREATE TABLE tokens (id TEXT, last_used_at TEXT, revoked_at TEXT);
    INSERT INTO tokens VALUES ('t1', NULL, NULL)`);
});
afterEach(() => {
  database.close();
  rmSync(directory, { recursive: true });
});
const read = () => readState({ database: join(directory, 'nextdeploy.db'), directories: [directory, join(directory, 'none')] });
const placesOf = (change: () => void) => {
  const before = read();
  change();
  return differences(before, read()).map((line) => line.replace(/ [^ ]*\/nextdeploy-state-[^/ ]+/, ' …').replace(/ #.*/, ''));
};
const run = (sql: string) => () => database.exec(sql);

describe('what is kept', () => {
  it('is another with each row, value and file', () => {
    expect(placesOf(run("INSERT INTO apps VALUES ('shop', x'00ff')"))).toEqual(['apps: + name=shop sealed=00ff']);
    expect(placesOf(run("UPDATE apps SET sealed = x'00fe'"))).toEqual([
      'apps: - name=shop sealed=00ff',
      'apps: + name=shop sealed=00fe',
    ]);
    expect(placesOf(run("UPDATE tokens SET revoked_at = 'now'"))).toHaveLength(2);
    expect(placesOf(run(`INSERT INTO events (event) VALUES ('{"kind":"app.removed"}')`))).toHaveLength(1);
    const file = join(directory, 'key');
    expect(placesOf(() => writeFileSync(file, 'a', { mode: 0o400 }))).toEqual([expect.stringMatching(/\+ …\/key 400$/)]);
    expect(placesOf(() => chmodSync(file, 0o600))).toHaveLength(2);
    expect(placesOf(() => writeFileSync(file, 'b'))).toHaveLength(2);
    expect(placesOf(() => mkdirSync(join(directory, 'slots')))).toHaveLength(1);
    expect(placesOf(() => symlinkSync('/etc', join(directory, 'link')))).toHaveLength(1);
  });

  it('is the same with what is written on purpose', () => {
    database.exec(`INSERT INTO audit (message) VALUES ('x'); INSERT INTO events (event) VALUES ('{"kind":"auth.failed"}')`);
    expect(placesOf(run("INSERT INTO audit (message) VALUES ('y')"))).toEqual([]);
    expect(placesOf(run(`INSERT INTO events (event) VALUES ('{"kind":"auth.failed"}')`))).toEqual([]);
    expect(placesOf(run("UPDATE tokens SET last_used_at = 'now'"))).toEqual([]);
  });
});
