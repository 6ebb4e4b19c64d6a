/** The system programs of tests and demo besides the bed's own: a browser and a load generator. */
import { ensurePrerequisites, installPackages, missingPackages } from './prerequisites.ts';

const PROGRAMS = [
  { name: 'chromium', package: 'chromium' },
  { name: 'wrk', package: 'wrk' },
  { name: 'docker-registry', package: 'docker-registry' },
];

/** Installs what is missing for the bed and for tests, or throws with the command to run; says each line of progress. */
export async function ensureTestPrograms(onProgress: (line: string) => void, signal?: AbortSignal): Promise<void> {
  const options = { onProgress, ...(signal === undefined ? {} : { signal }) };
  await ensurePrerequisites(options);
  const missing = await missingPackages(PROGRAMS);
  if (missing.length > 0) await installPackages(missing, options);
}
