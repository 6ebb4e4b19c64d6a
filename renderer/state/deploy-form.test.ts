import { describe, expect, it } from 'vitest';
import { app, release } from '../testing/world.ts';
import { emptyDeployForm, formErrors, formFromTemplate, readDeployForm } from './deploy-form.ts';

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
});
