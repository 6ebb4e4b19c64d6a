import { describe, expect, it } from 'vitest';
import { providerErrors, providerForm, providerFormOwner, readProviderForm } from './provider-form.ts';

const SHOP = providerForm({ scope: 'app', app_name: 'shop' }, { project: 'storefront' });
const DOPPLER = { ...SHOP, project: ' shop ', config: 'prd', token: ' dp.st.1 ' };
const AWS = { ...SHOP, kind: 'aws_ssm' as const, region: 'eu-central-1', path: '/shop' };
const AGE = { ...SHOP, kind: 'age' as const, file: '/etc/nextdeploy/age/shop.age' };

describe('a form of a provider', () => {
  it('is a request for the kind that is chosen, with nothing of the others', () => {
    const owner = { scope: 'app', app_name: 'shop' };
    const all = { ...DOPPLER, file: '/x', identity: 'y', region: 'z' };
    expect(readProviderForm(all)).toEqual({
      body: { ...owner, provider: { kind: 'doppler', project: 'shop', config: 'prd', token: 'dp.st.1' } },
    });
    expect(readProviderForm({ ...all, scope: 'project' })).toMatchObject({ body: { scope: 'project', project: 'storefront' } });
    const identity = `AGE-SECRET-KEY-1${'Q'.repeat(58)}`;
    expect(readProviderForm({ ...AGE, identity })).toEqual({
      body: { ...owner, provider: { kind: 'age', file: AGE.file, identity } },
    });
  });

  it('gives keys to AWS only where those are chosen', () => {
    const keys = { ...AWS, access_key_id: 'AKIAIOSFODNN7EXAMPLE', secret_access_key: 'wJalr' };
    expect(readProviderForm(keys)).toHaveProperty('body.provider.secret_access_key', 'wJalr');
    const host = readProviderForm({ ...keys, credentials: 'host' });
    expect(host).toHaveProperty('body.provider', { kind: 'aws_ssm', region: 'eu-central-1', path: '/shop' });
  });

  it('says what is missing at its field, in plain words', () => {
    expect(readProviderForm(SHOP)).toMatchObject({
      errors: { project: expect.stringContaining('Use letters'), config: expect.anything(), token: 'Paste the service token' },
    });
    expect(readProviderForm(AWS)).toEqual({
      errors: { access_key_id: 'Give the access key id', secret_access_key: 'Paste the secret access key' },
    });
    expect(readProviderForm({ ...AGE, scope: 'app', app_name: '' })).toMatchObject({
      errors: { app_name: expect.anything(), identity: 'Paste the identity' },
    });
    expect(readProviderForm({ ...DOPPLER, endpoint: 'http://vault.example.com' })).toEqual({
      errors: { endpoint: 'Use https; http is for this server itself alone' },
    });
  });

  it('never says what a credential is, whatever is wrong with it', () => {
    const wrong = [
      { ...DOPPLER, token: 'hunter2 with blanks' },
      { ...AWS, access_key_id: 'hunter2', secret_access_key: 'hunter2 x' },
      { ...AGE, identity: 'hunter2' },
    ].map(readProviderForm);
    for (const read of wrong) {
      expect(read).toHaveProperty('errors');
      expect(JSON.stringify(read)).not.toContain('hunter2');
    }
  });

  it('starts from what the scope has, without what nobody knows', () => {
    const provider = { kind: 'aws_ssm', region: 'eu-central-1', path: '/shop', credentials: 'host' } as const;
    const form = providerForm({ scope: 'project', project: 'storefront' }, { provider });
    expect(form).toMatchObject({ kind: 'aws_ssm', path: '/shop', credentials: 'host', secret_access_key: '', endpoint: '' });
    expect(providerFormOwner(form)).toEqual({ scope: 'project', project: 'storefront' });
    const doppler = { kind: 'doppler', project: 'shop', config: 'prd', endpoint: 'https://api.doppler.com' } as const;
    expect(providerForm({ scope: 'global' }, { provider: doppler })).toMatchObject({ project: 'shop', endpoint: '' });
  });
});

it('shows what the daemon refuses at its field, and leaves the rest to be said below', () => {
  const complaints = [
    { field: 'provider.file', message: 'no such file' },
    { field: 'project', message: 'unknown' },
    { field: 'provider.constructor', message: 'x' },
    { field: 'provider', message: 'too many' },
  ];
  expect(providerErrors(complaints)).toEqual({ file: 'No such file', owner_project: 'Unknown' });
});
