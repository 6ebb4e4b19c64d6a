import { format, inspect } from 'node:util';
import { expect, it } from 'vitest';
import { Sealed } from './sealed.ts';

it('A sealed value opens, and shows itself in no printed form', () => {
  const sealed = new Sealed('hunter2');
  expect(sealed.open()).toBe('hunter2');
  const printed = [
    String(sealed),
    `${sealed}`,
    JSON.stringify({ sealed, list: [sealed] }),
    inspect({ sealed }, { depth: 10, showHidden: true }),
    format('%s %o %O %j', sealed, sealed, sealed, sealed),
    Object.keys(sealed).join(),
    JSON.stringify(Object.entries({ ...sealed })),
  ].join('\n');
  expect(printed).not.toContain('hunter2');
  expect(printed).toContain('[sealed]');
});
