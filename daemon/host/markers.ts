/**
 * The marker of each app: one empty file in the app's directory, named after what the proxy is to do (`blue`, `green`, `stopped`). There is
 * exactly one, and a change is one rename(2), so the proxy, which tests for it at each request, sees either the old state or the new.
 */
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Markers } from '../engine/ports.ts';
import type { MarkerState } from '../engine/state.ts';
import { isMissing, makeDirectory, syncDirectory, writeFileAtomically } from './files.ts';

const STATES: readonly MarkerState[] = ['green', 'stopped', 'blue'];
/** The proxy's user must be able to look. */
const DIRECTORY_MODE = 0o755;

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
    if (current === null) {
      await makeDirectory(directory, DIRECTORY_MODE);
      await writeFileAtomically(join(directory, state), '', 0o644);
      await syncDirectory(this.#root);
      return;
    }
    await rename(join(directory, current), join(directory, state));
    await syncDirectory(directory);
  }

  async remove(app: string): Promise<void> {
    await rm(join(this.#root, app), { recursive: true, force: true });
  }
}
