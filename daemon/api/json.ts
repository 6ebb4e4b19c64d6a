import { DomainError } from '../contract/errors.ts';
import { SERVER_BOUNDS } from './bounds.ts';

/**
 * Parses a request's JSON. What is wrong is named by line and column only: the text itself may hold secrets.
 * @throws DomainError `invalid_request` for malformed or too deeply nested text, and for a `__proto__` field
 */
export function parseJson(text: string, depthMax: number = SERVER_BOUNDS.json_depth_max): unknown {
  checkDepth(text, depthMax);
  try {
    return JSON.parse(text, refusePrototype);
  } catch (error) {
    if (error instanceof DomainError) throw error;
    throw malformed(text, new SyntaxLocator(text).locate());
  }
}

/** zod drops this key from records without a word, so it is refused here. */
function refusePrototype(key: string, value: unknown): unknown {
  if (key !== '__proto__') return value;
  const details = [{ field: '__proto__', message: 'unknown field' }];
  throw new DomainError('invalid_request', 'Field "__proto__" is not valid: unknown field', { details });
}

function malformed(text: string, position: number): DomainError {
  const before = text.slice(0, position);
  const line = before.split('\n').length;
  const column = position - before.lastIndexOf('\n');
  const what = position >= text.length ? 'it ends too early' : 'unexpected character';
  return new DomainError('invalid_request', `The body is not valid JSON: ${what} at line ${line}, column ${column}.`, {
    details: [{ field: '', message: `malformed JSON at line ${line}, column ${column}` }],
  });
}

function checkDepth(text: string, depthMax: number): void {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (inString) {
      if (character === '\\') index += 1;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === '{' || character === '[') {
      depth += 1;
      if (depth > depthMax) {
        throw new DomainError('invalid_request', `The body is nested too deeply: at most ${depthMax} levels are allowed.`, {
          details: [{ field: '', message: 'nested too deeply' }],
        });
      }
    } else if (character === '}' || character === ']') depth -= 1;
  }
}

/**
 * Finds where JSON stops being valid (RFC 8259), for text that `JSON.parse` refused: its own message quotes the text and
 * gives no position for short texts. The nesting was bounded before, so recursion is.
 */
class SyntaxLocator {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  locate(): number {
    if (this.#value()) this.#space();
    return this.#at;
  }

  #match(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found === null) return false;
    this.#at += found[0].length;
    return true;
  }

  #space(): void {
    this.#match(/[ \t\r\n]*/y);
  }

  #literal(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #string(): boolean {
    if (!this.#literal('"')) return false;
    while (this.#plainCharacter() || this.#match(/\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y));
    return this.#literal('"');
  }

  /** One that stands for itself in a string: not a quote, a backslash or a control character. */
  #plainCharacter(): boolean {
    const code = this.#text.charCodeAt(this.#at);
    if (!(code >= 0x20) || code === 0x22 || code === 0x5c) return false;
    this.#at += 1;
    return true;
  }

  #value(): boolean {
    this.#space();
    const start = this.#text[this.#at];
    if (start === '{') return this.#list('}', () => this.#member());
    if (start === '[') return this.#list(']', () => this.#value());
    if (start === '"') return this.#string();
    return this.#match(/true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y);
  }

  #member(): boolean {
    this.#space();
    if (!this.#string()) return false;
    this.#space();
    return this.#literal(':') && this.#value();
  }

  #list(end: string, item: () => boolean): boolean {
    this.#at += 1;
    this.#space();
    if (this.#literal(end)) return true;
    for (;;) {
      if (!item()) return false;
      this.#space();
      if (this.#literal(end)) return true;
      if (!this.#literal(',')) return false;
    }
  }
}
