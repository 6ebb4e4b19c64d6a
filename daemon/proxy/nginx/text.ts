/** The language of nginx's configuration: how blocks and words are written in it. Pure. */
import { shortHash } from '../generation.ts';

/** nginx reads no word of more than 4,096 bytes, with all that is escaped in it. */
const LITERAL_CHARACTERS_MAX = 1_500;

const indent = (line: string) => `\t${line}`;
export const block = (head: string, lines: readonly string[]) => [`${head} {`, ...lines.map(indent), '}'];
/** At the top. */
export const section = (head: string, lines: readonly string[]) => [...block(head, lines), ''].join('\n');

/** One word, in a place where nginx knows no variables. */
export function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/** Texts that nginx gives out as they are. In its words a `$` cannot be escaped: what has one stands in a variable of its own. */
export class Literals {
  readonly #values = new Map<string, string>();

  /** For use between double quotes. */
  inQuotes(text: string): string {
    if (!text.includes('$') && text.length <= LITERAL_CHARACTERS_MAX) return quoted(text).slice(1, -1);
    const pieces = text.match(new RegExp(`[\\s\\S]{1,${LITERAL_CHARACTERS_MAX}}`, 'g')) ?? [];
    return pieces.map((piece) => `\${${this.#nameOf(piece)}}`).join('');
  }

  /** `geo` takes its values as they are. Each file says the same of the same name, so that none depends on another. */
  render(): string[] {
    return [...this.#values].map(([name, text]) => section(`geo $${name}`, [`default ${quoted(text)};`]));
  }

  #nameOf(text: string): string {
    const name = `nextdeploy_${shortHash(text)}`;
    this.#values.set(name, text);
    return name;
  }
}
