import type { SecretPlace, SecretPlaces } from './secret-files.ts';

/** In memory. */
export class ModelPlaces implements SecretPlaces {
  readonly #places = new Map<string, SecretPlace>();
  put = (place: SecretPlace) => void this.#places.set(place.container, place);
  remove = (container: string) => void this.#places.delete(container);
  list = () => [...this.#places.values()];
}
