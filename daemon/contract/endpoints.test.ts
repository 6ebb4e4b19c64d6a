import { expect, it } from 'vitest';
import { endpointProblem } from './endpoints.ts';
import { providerSchema } from './secret-providers.ts';

it.each([
  'https://api.doppler.com',
  'https://vault.example.com:8443/doppler',
  'http://127.0.0.1:4566',
  'http://localhost:80',
  'http://[::1]:1',
])('%s may be sent credentials', (text) => {
  expect(endpointProblem(text)).toBeNull();
});

const HOSTS = ['169.254.169.254', '2852039166', '0xa9fea9fe', '[::ffff:169.254.169.254]', '[fe80::1]', '[fd00:ec2::254]'];
it.each([
  ['api.doppler.com', 'use an address'],
  ['file:///etc/shadow', 'use an address'],
  ['http://api.doppler.com', 'use https'],
  ['http://127.0.0.1.example.com', 'use https'],
  ['https://me:secret@api.doppler.com', 'leave user and password out'],
  ['https://api.doppler.com/?to=elsewhere', 'leave out what comes after'],
  ['https://api.doppler.com/#a', 'leave out what comes after'],
  // As a number, mapped to IPv6, of IPv6 itself, and where Amazon's metadata answers.
  ...HOSTS.map((host): [string, string] => [`https://${host}/latest`, 'a link-local address']),
])('%s may not: %s', (text, message) => {
  expect(endpointProblem(text)).toContain(message);
});

it('keys of AWS are both given or both left out', () => {
  const aws = { kind: 'aws_ssm', region: 'eu-central-1', path: '/shop' };
  const id = { access_key_id: 'AKIAIOSFODNN7NEXTDEP' };
  const key = { secret_access_key: 'secret' };
  expect(providerSchema.safeParse(aws).success).toBe(true);
  expect(providerSchema.safeParse({ ...aws, ...id, ...key, session_token: 'session' }).success).toBe(true);
  for (const wrong of [id, key, { session_token: 'session' }, { ...key, session_token: 'session' }])
    expect(providerSchema.safeParse({ ...aws, ...wrong }).success, JSON.stringify(wrong)).toBe(false);
});

it('says what is wrong with a credential without it', () => {
  const provider = { kind: 'doppler', project: 'shop', config: 'prd', token: 'needle with\nspaces' };
  const { error } = providerSchema.safeParse(provider);
  expect(error?.issues[0]?.path).toEqual(['token']);
  expect(JSON.stringify(error?.issues.map(({ message }) => message))).not.toContain('needle');
});
