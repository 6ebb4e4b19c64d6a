/** What the contract says of a value that it refuses, where the field itself has no words of its own. Pure. */
import type { z } from 'zod';

const NOUNS: Record<string, string> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

/** Says what to give instead. Undefined: zod's own words will do. */
export function wording(issue: z.core.$ZodRawIssue): string | undefined {
  const remedy = remedyFor(issue);
  if (remedy === undefined || issue.input !== undefined || issue.code === 'too_small') return remedy;
  return `it is missing; ${remedy}`;
}

const QUOTED_CHARACTERS_MAX = 40;

/** A caller's own text within a message: short, and without characters that could do anything there. */
export function quoted(text: unknown): string {
  const all = String(text);
  return JSON.stringify(all.length > QUOTED_CHARACTERS_MAX ? `${all.slice(0, QUOTED_CHARACTERS_MAX)}…` : all);
}

function remedyFor(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type': {
      const noun = NOUNS[issue.expected];
      return noun === undefined ? undefined : `use ${noun}`;
    }
    case 'invalid_value':
      return issue.expected === 'stringbool' ? 'use true or false' : `use ${oneOf(issue.values)}`;
    case 'invalid_union':
      // Of objects that name their kind.
      return Array.isArray(issue.options) ? `use ${oneOf(issue.options)}` : undefined;
    case 'too_big':
      return `use at most ${counted(issue.maximum, issue.origin)}`;
    case 'too_small':
      return issue.origin === 'string' && issue.minimum === 1
        ? 'it must not be empty'
        : `use at least ${counted(issue.minimum, issue.origin)}`;
    case 'invalid_key':
      // Of a record: what is wrong with the name is what there is to say.
      return issue.issues[0]?.message;
    default:
      return undefined;
  }
}

function oneOf(values: readonly unknown[]): string {
  const words = values.map(String);
  const last = words.pop() ?? '';
  return words.length === 0 ? last : `${words.join(', ')} or ${last}`;
}

function counted(count: number | bigint, origin: string): string {
  if (origin === 'string') return `${count} ${count === 1 ? 'character' : 'characters'}`;
  return origin === 'array' ? `${count} ${count === 1 ? 'entry' : 'entries'}` : String(count);
}
