/**
 * The marker of each app: one empty file in the app's directory, named after what the proxy is to do (`blue`, `green`, `stopped`). There is
 * exactly one, and a change is one rename(2), so the proxy, which tests for it at each request, sees either the old state or the new.
 * Beside it stands the page that visitors get in maintenance; while it does, the marker of a slot is `blue.maintenance` or
 * `green.maintenance`, so that the proxy looks for the page only when it has found neither slot open.
 */
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Markers } from '../engine/ports.ts';
import type { MarkerState } from '../engine/state.ts';
import { isMissing, makeDirectory, removeFile, syncDirectory, writeFileAtomically } from './files.ts';

/** In the order in which the proxy asks. */
const MARKERS = ['blue', 'green', 'stopped', 'green.maintenance', 'blue.maintenance'] as const;
type Marker = (typeof MARKERS)[number];
/** The proxy's user must be able to look. */
const DIRECTORY_MODE = 0o755;
const FILE_MODE = 0o644;
const PAGE = 'maintenance.html';

export class MarkerFiles implements Markers {
  readonly #root: string;
  /** By app: the end of what was asked last. */
  readonly #last = new Map<string, Promise<unknown>>();

  constructor(root: string) {
    this.#root = root;
  }

  read(app: string): Promise<MarkerState | null> {
    return this.#inTurn(app, async () => stateOf(await this.#list(app)));
  }

  write(app: string, state: MarkerState): Promise<void> {
    return this.#inTurn(app, async () => {
      const names = await this.#list(app);
      await this.#rename(app, names, nameOf(state, names.includes(PAGE)));
    });
  }

  writePage(app: string, html: string | null): Promise<void> {
    return this.#inTurn(app, async () => {
      const directory = join(this.#root, app);
      // There is a page whenever the marker says so.
      if (html !== null) await this.#writeFile(directory, PAGE, html);
      const names = await this.#list(app);
      const state = stateOf(names);
      if (state !== null) await this.#rename(app, names, nameOf(state, html !== null));
      if (html === null) await removeFile(join(directory, PAGE));
    });
  }

  remove(app: string): Promise<void> {
    return this.#inTurn(app, () => rm(join(this.#root, app), { recursive: true, force: true }));
  }

  async #inTurn<T>(app: string, body: () => Promise<T>): Promise<T> {
    const turn = (this.#last.get(app) ?? Promise.resolve()).then(body, body);
    this.#last.set(app, turn);
    try {
      return await turn;
    } finally {
      if (this.#last.get(app) === turn) this.#last.delete(app);
    }
  }

  async #list(app: string): Promise<string[]> {
    try {
      return await readdir(join(this.#root, app));
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }

  async #rename(app: string, names: readonly string[], name: string): Promise<void> {
    const directory = join(this.#root, app);
    const current = MARKERS.find((marker) => names.includes(marker));
    if (current === name) return;
    if (current === undefined) return this.#writeFile(directory, name, '');
    await rename(join(directory, current), join(directory, name));
    await syncDirectory(directory);
  }

  /** The directory may be new, too. */
  async #writeFile(directory: string, name: string, content: string): Promise<void> {
    await makeDirectory(directory, DIRECTORY_MODE);
    await writeFileAtomically(join(directory, name), content, FILE_MODE);
    await syncDirectory(this.#root);
  }
}

function stateOf(names: readonly string[]): MarkerState | null {
  switch (MARKERS.find((marker) => names.includes(marker))) {
    case 'blue':
    case 'blue.maintenance':
      return 'blue';
    case 'green':
    case 'green.maintenance':
      return 'green';
    case 'stopped':
      return 'stopped';
    case undefined:
      return null;
  }
}

/** A stopped app is stopped for everybody, page or not. */
function nameOf(state: MarkerState, hasPage: boolean): Marker {
  return hasPage && state !== 'stopped' ? `${state}.maintenance` : state;
}
