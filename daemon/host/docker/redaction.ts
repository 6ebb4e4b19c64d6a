/** Docker quotes requests in some errors; what an environment or a login holds is nobody's to read, in an answer or in a log. */
import { redact } from '../../engine/redaction.ts';
import { DockerError } from './client.ts';

/** The same error without these values; whatever is not Docker's stays as it is. */
export function withoutValues<E>(error: E, values: readonly string[], charactersMin?: number): E | DockerError {
  if (!(error instanceof DockerError)) return error;
  return new DockerError(error.status, redact(error.message, values, charactersMin));
}
