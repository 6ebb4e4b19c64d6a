/** What a provider has, checked to be what an app can be given. Messages name variables, never values. Pure. */
import { environmentBytes } from '../../contract/environment.ts';
import { LIMITS } from '../../contract/limits.ts';
import { PATTERNS } from '../../contract/rules.ts';
import { quoted } from '../../contract/wording.ts';
import { Sealed } from '../sealed.ts';
import { ProviderFailure } from './failure.ts';

/** `source`: what the provider itself calls it, for messages. */
export interface Variable {
  name: string;
  value: string;
  source: string;
}

/**
 * Throws a {@link ProviderFailure} when there is none: whoever mistyped where they are would be left with none. Also for names that are
 * none, two of one name, and what the kernel would not take.
 */
export function toSecrets(variables: readonly Variable[], where: string): Map<string, Sealed> {
  if (variables.length === 0)
    throw new ProviderFailure(`there is nothing in ${where}; look whether that is the right place, or remove the provider`);
  if (variables.length > LIMITS.env_entries_max)
    throw new ProviderFailure(`${where} has more than ${LIMITS.env_entries_max} variables; split it into scopes`);
  const sources = new Map<string, string>();
  for (const { name, value, source } of variables) {
    const named = quoted(source);
    if (name.length > LIMITS.env_name_length_max || !PATTERNS.env_name.test(name))
      throw new ProviderFailure(`${named} in ${where} gives no name of a variable (${quoted(name)}); rename it: ${NAMES}`);
    const other = sources.get(name);
    if (other !== undefined)
      throw new ProviderFailure(`${quoted(other)} and ${named} in ${where} are both named ${quoted(name)}; rename one of them`);
    sources.set(name, source);
    if (!PATTERNS.env_value.test(value))
      throw new ProviderFailure(`the value of ${named} in ${where} has a NUL character, which no environment can hold`);
    if (Buffer.byteLength(value) > LIMITS.env_value_bytes_max)
      throw new ProviderFailure(`the value of ${named} in ${where} is larger than ${LIMITS.env_value_bytes_max} bytes`);
  }
  const bytes = environmentBytes(Object.fromEntries(variables.map(({ name, value }) => [name, value])));
  if (bytes > LIMITS.env_bytes_max)
    throw new ProviderFailure(`the variables in ${where} take ${bytes} bytes, and ${LIMITS.env_bytes_max} is the most; split it`);
  return new Map(variables.map(({ name, value }) => [name, new Sealed(value)]));
}

const NAMES = 'letters, digits and underscores, not starting with a digit';
