/**
 * The marker of each app: one empty file in the app's directory, named after what the proxy is to do (`blue`, `green`, `stopped`). There is
 * exactly one, and a change is one rename(2), so the proxy, which tests for it at each request, sees either the old state or the new.
 * Beside it stands the page that visitors get in maintenance.
 */
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Markers } from '../engine/ports.ts';
import type { MarkerState } from '../engine/state.ts';
import { isMissing, makeDirectory, removeFile, syncDirectory, writeFileAtomically } from './files.ts';

const STATES: readonly MarkerState[] = ['green', 'stopped', 'blue'];
/** The proxy's user must be able to look. */
const DIRECTORY_MODE = 0o755;
const FILE_MODE = 0o644;
/** Beside the marker; whether it is served is the route's to say. */
const PAGE = 'maintenance.html';

export class MarkerFiles implements Markers {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async read(app: string): Promise<MarkerState | null> {
    const directory = join(this.#root, app);
    try {
      const names = await readdir(directory);
      // In the order in which the proxy asks.
      return STATES.find((state) => names.includes(state)) ?? null;
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  async write(app: string, state: MarkerState): Promise<void> {
    const directory = join(this.#root, app);
    const current = await this.read(app);
    if (current === state) return;
    if (current === null) return this.#writeFile(directory, state, '');
    await rename(join(directory, current), join(directory, state));
    await syncDirectory(directory);
  }

  async writePage(app: string, html: string | null): Promise<void> {
    const directory = join(this.#root, app);
    if (html === null) await removeFile(join(directory, PAGE));
    else await this.#writeFile(directory, PAGE, html);
  }

  /** The directory may be new, too. */
  async #writeFile(directory: string, name: string, content: string): Promise<void> {
    await makeDirectory(directory, DIRECTORY_MODE);
    await writeFileAtomically(join(directory, name), content, FILE_MODE);
    await syncDirectory(this.#root);
  }

  async remove(app: string): Promise<void> {
    await rm(join(this.#root, app), { recursive: true, force: true });
  }
}
