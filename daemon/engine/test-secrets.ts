import { DomainError } from '../contract/errors.ts';
import type { SecretPin } from '../contract/secrets.ts';
import { Sealed } from '../secrets/sealed.ts';
import type { PinnedSecrets } from './ports.ts';

/** Those of all apps alike: for each name its values, the first being version 1; null is one that is not kept any more. */
export class ModelSecrets implements PinnedSecrets {
  readonly values = new Map<string, (string | null)[]>();

  pin(): SecretPin[] {
    return [...this.values].map(([name, versions]) => ({
      ...{ scope: 'global' as const, project: null, app_name: null },
      name,
      version: versions.length,
    }));
  }

  open(pins: readonly SecretPin[]): Map<string, Sealed> {
    return new Map(
      pins.map(({ name, version }) => {
        const value = this.values.get(name)?.[version - 1];
        if (value == null) throw new DomainError('unprocessable', `The value of the secret ${name} is not kept any more.`);
        return [name, new Sealed(value)];
      }),
    );
  }

  valuesOf(): Sealed[] {
    return [...this.values.values()].flat().flatMap((value) => (value === null ? [] : [new Sealed(value)]));
  }
}
