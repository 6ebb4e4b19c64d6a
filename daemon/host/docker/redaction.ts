/** Docker quotes requests in some errors; what an environment or a login holds is nobody's to read, in an answer or in a log. */
import { DockerError } from './client.ts';

/** Values shorter than this are no secrets, and their letters are in every text. */
const SECRET_CHARACTERS_MIN = 6;

/** The same error without these values; whatever is not Docker's stays as it is. */
export function withoutValues<E>(error: E, values: readonly string[], charactersMin = SECRET_CHARACTERS_MIN): E | DockerError {
  if (!(error instanceof DockerError)) return error;
  return new DockerError(error.status, redact(error.message, values, charactersMin));
}

export function redact(text: string, values: readonly string[], charactersMin = SECRET_CHARACTERS_MIN): string {
  const secrets = values.filter((value) => value.length >= charactersMin);
  const forms = secrets.flatMap((value) => [value, JSON.stringify(value).slice(1, -1)]);
  const longestFirst = forms.toSorted((a, b) => b.length - a.length);
  return longestFirst.reduce((rest, form) => rest.replaceAll(form, '[value]'), text);
}
