/** A command as one types it: words, with quotes where a word holds blanks or quotes. No shell: nothing is expanded. */
export type ReadCommand = { words: string[]; problem: null } | { words: null; problem: string };

/** Splits text into words: blanks separate, quotes of either kind hold together, a backslash takes the next character as it is (in single quotes it is itself). */
export function parseCommand(text: string): ReadCommand {
  const words: string[] = [];
  let word: string | null = null;
  let quote: '"' | "'" | null = null;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index] ?? '';
    if (character === '\\' && quote !== "'") {
      if (index + 1 === text.length) return { words: null, problem: 'ends with a backslash; write two for one' };
      index += 1;
      word = (word ?? '') + (text[index] ?? '');
    } else if (quote !== null) {
      if (character === quote) quote = null;
      else word += character;
    } else if (character === '"' || character === "'") {
      quote = character;
      word ??= '';
    } else if (/\s/.test(character)) {
      if (word !== null) words.push(word);
      word = null;
    } else word = (word ?? '') + character;
  }
  if (quote !== null) return { words: null, problem: `the quote ${quote} is not closed` };
  if (word !== null) words.push(word);
  return { words, problem: null };
}

/** The text that {@link parseCommand} reads back as these words. */
export function formatCommand(words: readonly string[]): string {
  return words.map((word) => (/^[^\s"'\\]+$/.test(word) ? word : `"${word.replace(/["\\]/g, '\\$&')}"`)).join(' ');
}
