import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DomainError } from '../contract/errors.ts';
import { parseJson } from './json.ts';

function refusal(text: string): DomainError {
  try {
    parseJson(text);
  } catch (error) {
    if (error instanceof DomainError) return error;
    throw error;
  }
  throw new Error(`${text} was accepted`);
}

describe('parsing a body', () => {
  it('gives what JSON.parse gives, for every JSON text', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 10 }), (text) => {
        fc.pre(!text.includes('__proto__'));
        expect(parseJson(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('refuses whatever JSON.parse refuses, with a position inside the text and none of the text', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), fc.nat(), fc.constantFrom('', 'secret', '"', '}', '\u0001'), (json, at, insert) => {
        const index = at % (json.length + 1);
        const text = json.slice(0, index) + insert + json.slice(index + 1);
        let isValid = true;
        try {
          JSON.parse(text);
        } catch {
          isValid = false;
        }
        fc.pre(!isValid);
        const { code, message } = refusal(text);
        expect(code).toBe('invalid_request');
        expect(message).not.toContain('secret');
        const [, line, column] = /line ([0-9]+), column ([0-9]+)/.exec(message) ?? [];
        expect(Number(line)).toBeLessThanOrEqual(text.split('\n').length);
        expect(Number(column)).toBeLessThanOrEqual(text.length + 1);
      }),
    );
  });

  it.each([
    ['{"a": tru}', 1, 7],
    ['{"a": 01}', 1, 8],
    ['[1, 2', 1, 6],
    ["{'a': 1}", 1, 2],
    ['{"a": "b\u0001c"}', 1, 9],
    ['{"a": "\\x"}', 1, 8],
    ['{\n  "a": 1\n  "b": 2\n}', 3, 3],
  ])('says where %j is wrong', (text, line, column) => {
    expect(refusal(text).message).toContain(`line ${line}, column ${column}`);
  });

  it('bounds nesting, and does not count brackets within strings', () => {
    expect(parseJson(`"${'['.repeat(1000)}"`)).toHaveLength(1000);
    expect(parseJson('['.repeat(32) + ']'.repeat(32))).toBeTruthy();
    expect(refusal('['.repeat(33) + ']'.repeat(33)).message).toContain('nested too deeply');
    expect(refusal('{"a":'.repeat(500_000)).message).toContain('nested too deeply');
  });

  it('refuses a prototype however it is written', () => {
    expect(refusal('{"env":{"__proto__":{}}}').details).toEqual([{ field: '__proto__', message: 'unknown field' }]);
    expect(refusal('{"\\u005f_proto__":1}').code).toBe('invalid_request');
  });
});
