import { describe, expect, it } from 'vitest';
import { app, release } from '../testing/world.ts';
import {
  areAllShown,
  baseRelease,
  deployChanges,
  emptyDeployForm,
  formErrors,
  formFromTemplate,
  readDeployForm,
} from './deploy-form.ts';

describe('the deploy form', () => {
  it('makes the request that the contract describes, trimmed and with defaults', () => {
    const env = [
      { key: 1, name: ' A ', value: '1' },
      { key: 2, name: '', value: '' },
    ];
    const read = readDeployForm({ ...emptyDeployForm(), app_name: ' shop ', image: 'shop:v1', env });
    expect(read).toMatchObject({
      isValid: true,
      request: { app_name: 'shop', image: 'shop:v1', env: { A: '1' }, ports: [3000], health: { kind: 'http', path: '/' } },
    });
    expect(read.isValid && 'domain' in read.request).toBe(false);
  });

  it('refuses what the daemon would refuse, at the field concerned', () => {
    const form = { ...emptyDeployForm(), app_name: 'Shop!', image: '', port: '', health_path: 'health', domain: 'http://x' };
    const read = readDeployForm(form);
    expect(read.isValid).toBe(false);
    if (read.isValid) return;
    expect(Object.keys(formErrors(read.errors)).toSorted((a, b) => a.localeCompare(b))).toEqual([
      'app_name',
      'domain',
      'health_path',
      'image',
      'port',
    ]);
  });

  it('refuses a variable that is there twice and a name that is none', () => {
    const row = { key: 1, name: 'A', value: '1' };
    const form = { ...emptyDeployForm(), app_name: 'shop', image: 'shop:v1' };
    expect(readDeployForm({ ...form, env: [row, { ...row, key: 2 }] })).toMatchObject({ errors: [{ field: 'env.A' }] });
    expect(readDeployForm({ ...form, env: [{ ...row, name: '1A' }] })).toMatchObject({ errors: [{ field: 'env.1A' }] });
  });

  it('deploys a release again as it was when nothing is changed', () => {
    const before = release('shop', 4, 'shop:v4');
    const read = readDeployForm(formFromTemplate({ app: app('shop'), release: before }));
    expect(read).toEqual({ isValid: true, request: { app_name: 'shop', image: 'shop:v4', ...before.configuration } });
  });

  it('starts from the live release, or before a first success from what was tried last', () => {
    const releases = [release('shop', 5, 'shop:v5', { state: 'failed' }), release('shop', 4, 'shop:v4', { state: 'live' })];
    expect(baseRelease({ release: 'r4' }, releases)?.id).toBe('r4');
    expect(baseRelease({ release: null }, releases)?.id).toBe('r5');
    expect(baseRelease({ release: 'r1' }, releases)).toBeNull();
    expect(baseRelease({ release: null }, [])).toBeNull();
  });

  it('says what a deploy would change, and of variables only their names', () => {
    const before = release('shop', 4, 'shop:v4');
    const form = formFromTemplate({ app: app('shop'), release: before });
    expect(deployChanges(before, form)).toEqual([]);
    const env = [
      ...form.env
        .filter((row) => row.name !== 'DATABASE_URL')
        .map((row) => (row.name === 'LOG_LEVEL' ? { ...row, value: 'debug' } : row)),
      { key: 9, name: 'NEW_SECRET', value: 'hunter3' },
    ];
    expect(deployChanges(before, { ...form, image: 'shop:v5', domain: '', port: 8080, health_kind: 'none', env })).toEqual([
      'Image: shop:v4 → shop:v5',
      'Domain: shop.example.com → none',
      'Port: 3000 → 8080',
      'Health check: GET /api/health → none',
      'Adds NEW_SECRET',
      'Changes LOG_LEVEL',
      'Drops DATABASE_URL',
    ]);
  });

  it('knows a port that no machine has, and leaves nothing to say beside the field', () => {
    const form = { ...emptyDeployForm(), app_name: 'shop', image: 'shop:v1', port: 70_000 };
    const read = readDeployForm(form);
    if (read.isValid) throw new Error('70000 is no port');
    expect(formErrors(read.errors)).toEqual({ port: 'Use a port from 1 to 65535' });
    expect(areAllShown(read.errors, form)).toBe(true);
    expect(areAllShown([{ field: 'body', message: 'no' }], form)).toBe(false);
    expect(areAllShown([], form)).toBe(false);
  });
});
