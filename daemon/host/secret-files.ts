/**
 * Secrets as files in the host's memory, for containers that are given them so. A reboot empties that memory, and Docker brings containers
 * back before the daemon is up: so it is kept which container's files belong to which release and user, and `nextdeployd --place-secrets`
 * writes them anew before Docker starts.
 */
import { chown, mkdir, open, readdir, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError } from '../contract/errors.ts';
import type { Sealed } from '../secrets/sealed.ts';
import { isMissing } from './files.ts';

/** Whose files a container is given. */
export interface SecretPlace {
  container: string;
  app_name: string;
  release: string;
  /** Of the container's user. */
  uid: number;
}

export interface SecretPlaces {
  put(place: SecretPlace): void;
  remove(container: string): void;
  list(): SecretPlace[];
}

type Values = ReadonlyMap<string, Sealed>;

/** statfs(2) */
const TMPFS_MAGIC = 0x01021994;
const ROOT_MODE = 0o700;
const DIRECTORY_MODE = 0o500;
const FILE_MODE = 0o400;

export class SecretFiles {
  readonly #root: string;
  readonly #places: SecretPlaces;
  /** Containers that were given their place since the start. */
  readonly #reserved = new Set<string>();

  constructor(root: string, places: SecretPlaces) {
    this.#root = root;
    this.#places = places;
  }

  /** Makes the directory that a container is to be made with; nothing is in it yet. Throws a DomainError where it would be on a disk. */
  reserve(container: string): Promise<string> {
    this.#reserved.add(container);
    return this.#make(container);
  }

  async #make(container: string): Promise<string> {
    await mkdir(this.#root, { recursive: true, mode: ROOT_MODE });
    const { type } = await statfs(this.#root);
    if (type !== TMPFS_MAGIC) {
      const message = `${this.#root} is not in memory, so no secrets are written there; set secrets.files_directory to a directory on a tmpfs, such as one in /run.`;
      throw new DomainError('unavailable', message);
    }
    const directory = this.#directory(container);
    await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
    return directory;
  }

  /** Also over those that are there: whoever reads one of them sees the old content or the new. */
  async place(place: SecretPlace, values: Values): Promise<void> {
    this.#places.put(place);
    await this.#write(place, values);
  }

  /** Of a container that is gone. */
  async remove(container: string): Promise<void> {
    this.#reserved.delete(container);
    await rm(this.#directory(container), { recursive: true, force: true });
    this.#places.remove(container);
  }

  /** Writes all that are not there. `valuesOf` may throw: then `onFailure` hears of it, and the others are written all the same. */
  async placeMissing(
    valuesOf: (place: SecretPlace) => Values,
    onFailure: (error: unknown, place: SecretPlace) => void,
  ): Promise<void> {
    for (const place of this.#places.list()) {
      try {
        const values = valuesOf(place);
        // Whoever wrote them last may have been killed between two of them.
        const there = new Set(await this.#names(place.container));
        if ([...values.keys()].every((name) => there.has(name))) continue;
        await this.#make(place.container);
        await this.#write(place, values);
      } catch (error) {
        onFailure(error, place);
      }
    }
  }

  /**
   * Forgets those of containers that an earlier run of the daemon has left and that are not there any more. `list` is asked after the places
   * were read: a place is kept once its container is there, so one that is made meanwhile is never taken for gone.
   */
  async sweep(list: () => Promise<ReadonlySet<string>>): Promise<void> {
    const places = this.#places.list();
    const containers = await list();
    const left = places.filter(({ container }) => !containers.has(container));
    // In the name of one that is gone, another may be made at this moment.
    for (const { container } of left) if (!this.#reserved.has(container)) await this.remove(container);
  }

  async #write({ container, uid }: SecretPlace, values: Values): Promise<void> {
    const directory = this.#directory(container);
    for (const [name, value] of values) {
      const temporary = join(directory, `.${name}.new`);
      await rm(temporary, { force: true });
      const file = await open(temporary, 'wx', FILE_MODE);
      try {
        await file.chmod(FILE_MODE);
        await file.chown(uid, uid);
        await file.writeFile(value.open());
      } finally {
        await file.close();
      }
      await rename(temporary, join(directory, name));
    }
    const others = (await this.#names(container)).filter((name) => !values.has(name));
    for (const name of others) await rm(join(directory, name), { force: true });
    await chown(directory, uid, uid);
  }

  async #names(container: string): Promise<string[]> {
    return readdir(this.#directory(container)).catch((error: unknown) => {
      if (isMissing(error)) return [];
      throw error;
    });
  }

  #directory(container: string): string {
    return join(this.#root, container);
  }
}
