import { passphraseSchema } from '../../daemon/contract/backup.ts';
import { sentence } from '../format.ts';

export type Strength = 'none' | 'weak' | 'fair' | 'strong';

/** Bits beyond which whoever has the file and a warehouse of computers needs years, and ages. */
const FAIR_BITS = 45;
const STRONG_BITS = 64;
/** Of a word that was chosen at random from a list of some thousands. */
const BITS_A_WORD = 11;

/**
 * A guess at how hard a passphrase is to find, for a hint and never for a decision: the lesser of what its characters and its words
 * allow. Repetition counts once.
 */
export function strengthOf(passphrase: string): { strength: Strength; text: string } {
  if (passphrase === '') return { strength: 'none', text: 'Four or five random words are easy to keep.' };
  const bits = bitsOf(passphrase);
  if (bits < FAIR_BITS) return { strength: 'weak', text: 'Weak: a computer finds it. Use more words, or longer ones.' };
  if (bits < STRONG_BITS) return { strength: 'fair', text: 'Fair: one more word makes it strong.' };
  return { strength: 'strong', text: 'Strong, if it is random: keep it where the server is not.' };
}

function bitsOf(passphrase: string): number {
  const kinds: [RegExp, number][] = [
    [/[a-z]/, 26],
    [/[A-Z]/, 26],
    [/[0-9]/, 10],
    [/[^a-zA-Z0-9]/, 20],
  ];
  const pool = kinds.reduce((sum, [kind, size]) => sum + (kind.test(passphrase) ? size : 0), 0);
  const distinct = new Set(passphrase).size;
  const ofCharacters = Math.log2(pool) * Math.min(passphrase.length, 2 * distinct);
  const words = passphrase.toLowerCase().match(/[a-z]{3,}/g) ?? [];
  const letters = words.join('').length;
  const others = new Set(passphrase.replace(/[a-z]{3,}/gi, '').replace(/[\s-]/g, '')).size;
  // Letters that stand in words are as good as the words are; what is no word is as good as its characters.
  const isWordy = letters > passphrase.length / 2;
  return isWordy ? Math.min(ofCharacters, new Set(words).size * BITS_A_WORD + others * 4) : ofCharacters;
}

/** What is wrong with a passphrase that is typed twice; null: nothing. It is in no message. */
export function passphraseErrors(passphrase: string, again: string): { passphrase?: string; again?: string } | null {
  const parsed = passphraseSchema.safeParse(passphrase);
  if (!parsed.success) return { passphrase: sentence(parsed.error.issues[0]?.message ?? '') };
  return passphrase === again ? null : { again: 'It differs from the one above' };
}
