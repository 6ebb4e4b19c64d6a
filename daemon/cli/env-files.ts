import { parseEnvText } from '../contract/env-text.ts';
import { DomainError } from '../contract/errors.ts';

/** What a `.env` file holds. @throws DomainError `invalid_request` for lines that are none, by their numbers; never with what they hold */
export function readEnvText(text: string, file: string): Record<string, string> {
  const { env, problems } = parseEnvText(text);
  const [first, ...more] = problems;
  if (first === undefined) return env;
  const others = more.length === 0 ? '' : ` (and ${more.length} more)`;
  throw new DomainError('invalid_request', `${file}, line ${first.line}: ${first.message}${others}.`);
}
