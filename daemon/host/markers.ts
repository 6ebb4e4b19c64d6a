/**
 * The markers of each app, empty files in the app's directory for which the proxy looks at each request. A slot is open while the file that
 * closes it is not there: `not-blue`, `not-green`. So one look at one file decides for a slot, and to look for what is not there is what
 * costs a proxy least. An open app has one of the two, and a swap is one rename(2). An app that is not open has both, and beside them one
 * that says why: `stopped`, `blue.maintenance` or `green.maintenance`. What comes before or after the one step that decides changes
 * nothing for whoever looks. Beside all that stands the page that visitors get in maintenance.
 */
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Slot } from '../contract/names.ts';
import {
  CLOSING_MARKERS as CLOSES,
  MAINTENANCE_MARKERS,
  MAINTENANCE_FILE as PAGE,
  STOPPED_MARKER,
} from '../engine/marker-names.ts';
import type { Markers } from '../engine/ports.ts';
import { type MarkerState, otherSlot } from '../engine/state.ts';
import { isMissing, makeDirectory, readTextIfThere, removeFile, syncDirectory, writeFileAtomically } from './files.ts';

const REASONS = [STOPPED_MARKER, MAINTENANCE_MARKERS.green, MAINTENANCE_MARKERS.blue] as const;
type Reason = (typeof REASONS)[number];
type Mark = Slot | Reason;
/** The proxy's user must be able to look. */
const DIRECTORY_MODE = 0o755;
const FILE_MODE = 0o644;

export class MarkerFiles implements Markers {
  readonly #root: string;
  /** By app: the end of what was asked last. */
  readonly #last = new Map<string, Promise<unknown>>();

  constructor(root: string) {
    this.#root = root;
  }

  read(app: string): Promise<MarkerState | null> {
    return this.#inTurn(app, async () => stateOf(markOf(await this.#list(app))));
  }

  write(app: string, state: MarkerState): Promise<void> {
    return this.#inTurn(app, async () => {
      const names = await this.#list(app);
      await this.#change(app, names, markFor(state, names.includes(PAGE)));
    });
  }

  writePage(app: string, html: string | null): Promise<void> {
    return this.#inTurn(app, async () => {
      const directory = join(this.#root, app);
      // There is a page whenever the markers say so.
      if (html !== null) await this.#writeFile(directory, PAGE, html);
      const names = await this.#list(app);
      const state = stateOf(markOf(names));
      if (state !== null) await this.#change(app, names, markFor(state, html !== null));
      if (html === null) await removeFile(join(directory, PAGE));
    });
  }

  /** All at once: file by file a closed app would look open for a moment. */
  remove(app: string): Promise<void> {
    return this.#inTurn(app, async () => {
      const aside = this.#aside(app);
      await rm(aside, { recursive: true, force: true });
      try {
        await rename(join(this.#root, app), aside);
      } catch (error) {
        if (isMissing(error)) return;
        throw error;
      }
      // Back after a power cut it would say something of the next app of that name.
      await syncDirectory(this.#root);
      await rm(aside, { recursive: true, force: true });
    });
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

  async #change(app: string, names: readonly string[], to: Mark): Promise<void> {
    const from = markOf(names);
    const reasons = REASONS.filter((reason) => names.includes(reason));
    // Of a daemon that was killed: while the app is open nobody asks for it.
    if (isOpen(from)) await this.#removeAll(app, reasons);
    if (from === to) return;
    if (isOpen(to)) await this.#open(app, from, to, reasons);
    else await this.#close(app, from, to);
  }

  async #open(app: string, from: Mark | null, to: Slot, reasons: readonly Reason[]): Promise<void> {
    const other = otherSlot(to);
    if (from === other) return this.#rename(app, CLOSES[to], CLOSES[other]);
    if (from === null) await this.#writeFile(join(this.#root, app), CLOSES[other], '');
    await this.#removeAll(app, [CLOSES[to], ...reasons]);
  }

  async #close(app: string, from: Mark | null, to: Reason): Promise<void> {
    if (from === null) return this.#beginClosed(app, to);
    if (!isOpen(from)) return this.#rename(app, from, to);
    const directory = join(this.#root, app);
    await this.#writeFile(directory, to, '');
    await this.#writeFile(directory, CLOSES[from], '');
  }

  /** With one file alone an app that has had none would look open. */
  async #beginClosed(app: string, to: Reason): Promise<void> {
    const directory = join(this.#root, app);
    const prepared = this.#aside(app);
    await rm(prepared, { recursive: true, force: true });
    await makeDirectory(prepared, DIRECTORY_MODE);
    for (const name of [to, CLOSES.blue, CLOSES.green]) await writeFileAtomically(join(prepared, name), '', FILE_MODE);
    const page = await readTextIfThere(join(directory, PAGE));
    if (page !== null) await writeFileAtomically(join(prepared, PAGE), page, FILE_MODE);
    await rm(directory, { recursive: true, force: true });
    await rename(prepared, directory);
    await syncDirectory(this.#root);
  }

  async #rename(app: string, from: string, to: string): Promise<void> {
    const directory = join(this.#root, app);
    await rename(join(directory, from), join(directory, to));
    await syncDirectory(directory);
  }

  /** In this order. */
  async #removeAll(app: string, names: readonly string[]): Promise<void> {
    for (const name of names) await removeFile(join(this.#root, app, name));
  }

  /** The directory may be new, too. */
  async #writeFile(directory: string, name: string, content: string): Promise<void> {
    await makeDirectory(directory, DIRECTORY_MODE);
    await writeFileAtomically(join(directory, name), content, FILE_MODE);
    await syncDirectory(this.#root);
  }

  /** What a daemon that was killed leaves there is overwritten. */
  #aside(app: string): string {
    return join(this.#root, `.${app}.new`);
  }
}

function isOpen(mark: Mark | null): mark is Slot {
  return mark === 'blue' || mark === 'green';
}

function markOf(names: readonly string[]): Mark | null {
  const [isBlueClosed, isGreenClosed] = [names.includes(CLOSES.blue), names.includes(CLOSES.green)];
  if (isBlueClosed && isGreenClosed) return REASONS.find((reason) => names.includes(reason)) ?? null;
  if (isBlueClosed) return 'green';
  return isGreenClosed ? 'blue' : null;
}

function stateOf(mark: Mark | null): MarkerState | null {
  switch (mark) {
    case 'blue':
    case 'blue.maintenance':
      return 'blue';
    case 'green':
    case 'green.maintenance':
      return 'green';
    case 'stopped':
      return 'stopped';
    case null:
      return null;
  }
}

/** A stopped app is stopped for everybody, page or not. */
function markFor(state: MarkerState, hasPage: boolean): Mark {
  return hasPage && state !== 'stopped' ? MAINTENANCE_MARKERS[state] : state;
}
