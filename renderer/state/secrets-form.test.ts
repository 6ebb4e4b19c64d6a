import { describe, expect, it } from 'vitest';
import { formOwner, readSecretsForm, secretsErrors, secretsForm, textHints, valueHints } from './secrets-form.ts';

const SHOP = secretsForm({ scope: 'app', app_name: 'shop' }, { project: 'storefront' });
const GLOBAL = secretsForm({ scope: 'global' });

describe('a form of secrets', () => {
  it('is a request for one secret, whose value is kept to the last blank', () => {
    const read = readSecretsForm({ ...SHOP, name: ' STRIPE_KEY ', value: 'sk_live \n' });
    expect(read).toEqual({
      body: { scope: 'app', app_name: 'shop', secrets: { STRIPE_KEY: 'sk_live \n' }, mode: 'merge' },
    });
  });

  it('is a request for many, for the owner that is chosen and no other', () => {
    const many = { ...SHOP, kind: 'many' as const, text: 'A=1\nB="2\n3"', mode: 'replace' as const };
    const secrets = { A: '1', B: '2\n3' };
    expect(readSecretsForm(many)).toEqual({ body: { scope: 'app', app_name: 'shop', secrets, mode: 'replace' } });
    expect(readSecretsForm({ ...many, scope: 'project' })).toEqual({
      body: { scope: 'project', project: 'storefront', secrets, mode: 'replace' },
    });
    expect(readSecretsForm({ ...many, scope: 'global' })).toEqual({ body: { scope: 'global', secrets, mode: 'replace' } });
  });

  it('never replaces for a single secret, nor by nothing', () => {
    const one = readSecretsForm({ ...GLOBAL, name: 'A', value: 'x', mode: 'replace' });
    expect(one).toMatchObject({ body: { mode: 'merge' } });
    expect(readSecretsForm({ ...GLOBAL, kind: 'many', text: '# nothing', mode: 'replace' })).toHaveProperty('errors.text');
  });

  it('says what is missing at its field', () => {
    expect(readSecretsForm({ ...GLOBAL, name: '1A' })).toEqual({
      errors: { name: expect.stringContaining('Use letters'), value: 'Type or paste the value' },
    });
    const nobody = { ...GLOBAL, scope: 'project' as const, name: 'A', value: 'x' };
    expect(readSecretsForm(nobody)).toEqual({ errors: { project: expect.stringContaining('Use 2 to 40') } });
    expect(readSecretsForm({ ...nobody, scope: 'app' })).toHaveProperty('errors.app_name');
  });

  it('never says what a value is, whatever is wrong with it', () => {
    const values = ['hunter2\0', `hunter2${'x'.repeat(70_000)}`];
    const ones = values.map((value) => readSecretsForm({ ...GLOBAL, name: 'A', value }));
    const texts = ['A=hunter2#x', 'A="hunter2', 'hunter2', 'hunter2!=1', `A=${values[1]}`];
    const manys = texts.map((text) => readSecretsForm({ ...GLOBAL, kind: 'many', text }));
    for (const read of [...ones, ...manys]) {
      expect(read).toHaveProperty('errors');
      expect(JSON.stringify(read)).not.toContain('hunter2');
    }
    expect(manys.at(-1)).toHaveProperty('errors.text', expect.stringMatching(/^A: use at most/));
  });

  it('shows what the daemon refuses at its field, and leaves the rest to be said below', () => {
    const full = [{ field: 'secrets', message: 'this server is full' }];
    expect(secretsErrors(full, { ...SHOP, kind: 'many' })).toEqual({ text: 'This server is full' });
    expect(secretsErrors(full, SHOP)).toEqual({});
    expect(secretsErrors([{ field: 'secrets.A', message: 'too long' }], SHOP)).toEqual({ value: 'Too long' });
    expect(secretsErrors([{ field: 'project', message: 'unknown' }], SHOP)).toEqual({ project: 'Unknown' });
  });
});

it('knows whose secrets it is about once that is said', () => {
  expect(formOwner(GLOBAL)).toEqual({ scope: 'global' });
  expect(formOwner({ ...GLOBAL, scope: 'project' })).toBeNull();
  expect(formOwner({ ...SHOP, scope: 'project' })).toEqual({ scope: 'project', project: 'storefront' });
});

it('tells of a masked value what nobody would see, and of a text its names', () => {
  expect(valueHints('plain')).toEqual([]);
  expect(valueHints(' a\nb\n')).toEqual(['3 lines', 'begins with a blank', 'ends with a line break']);
  expect(valueHints('a ')).toEqual(['ends with a blank']);
  expect(textHints('A=1\nB=\nC="x')).toEqual({ count: 2, names: ['A', 'B'], empty: ['B'] });
});
