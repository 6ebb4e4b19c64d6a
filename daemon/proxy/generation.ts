/** A short name for what a route file says, which the proxy is asked for: so what runs can be compared with what is on the disk. Pure. */
import { createHash } from 'node:crypto';

/** Lower case, as Node gives header names. */
export const GENERATION_HEADER = 'x-nextdeploy-generation';

const CHARACTERS = 16;
const FIRST_LINE = /^# Written by NextDeploy for the app (\S+), generation ([a-f0-9]+);/;

/** The file's text: `render` is called with the generation that its own text has. */
export function stampGeneration(app: string, render: (generation: string) => string): string {
  const generation = shortHash(render(''));
  return `# Written by NextDeploy for the app ${app}, generation ${generation}; what is changed here is overwritten.\n${render(generation)}`;
}

/** Null for a text that names none. */
export function readGeneration(content: string): string | null {
  return FIRST_LINE.exec(content)?.[2] ?? null;
}

/** The app that the text is about; null for a text that is not ours. */
export function readApp(content: string): string | null {
  return FIRST_LINE.exec(content)?.[1] ?? null;
}

export function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, CHARACTERS);
}
