import { inspect } from 'node:util';

const PRINTED = '[sealed]';

/**
 * A secret that cannot be printed by accident: every printed form (string, JSON, `inspect`, template, log field) is
 * `[sealed]`. It opens with {@link Sealed.open} at the one place that uses it.
 */
export class Sealed {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  open(): string {
    return this.#value;
  }

  toString(): string {
    return PRINTED;
  }

  toJSON(): string {
    return PRINTED;
  }

  [Symbol.toPrimitive](): string {
    return PRINTED;
  }

  [inspect.custom](): string {
    return PRINTED;
  }
}
