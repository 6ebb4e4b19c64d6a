import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { appConfigurationSchema, configurationOf } from '../../daemon/contract/configuration.ts';
import { anyConfiguration } from '../testing/any-configuration.ts';
import { app, nextcore, release } from '../testing/world.ts';
import { deployChanges } from './deploy-changes.ts';
import { baseRelease, type DeployForm, emptyDeployForm, formFromTemplate } from './deploy-form.ts';
import { readDeployForm } from './deploy-request.ts';

const filled: DeployForm = { ...emptyDeployForm(), app_name: 'shop', image: 'shop:v1' };
const requestOf = (form: DeployForm) => {
  const read = readDeployForm(form);
  if (!read.isValid) throw new Error(JSON.stringify(read.errors));
  return read.request;
};

describe('the deploy form', () => {
  it('makes the request that the contract describes, trimmed and with defaults', () => {
    const env = [
      { key: 1, name: ' A ', value: '1' },
      { key: 2, name: '', value: '' },
    ];
    const request = requestOf({ ...filled, app_name: ' shop ', env });
    expect(request).toMatchObject({ app_name: 'shop', image: 'shop:v1', env: { A: '1' }, ports: [3000], health: { path: '/' } });
    for (const field of ['domain', 'tls', 'proxy', 'replicas', 'registry', 'nextcore', 'pre_switch', 'user']) {
      expect(field in request).toBe(false); // left to the app, the host or the image
    }
  });

  it('takes times and sizes with their units, commands as words, and rows that hold something', () => {
    const request = requestOf({
      ...filled,
      domain: 'shop.example.com',
      aliases: ['www.example.com'],
      redirects: [
        { key: 4, from: '', to: '', status: 308 },
        { key: 7, from: 'old.example.com', to: '', status: 301 },
      ],
      more_ports: ['9229'],
      drain: '1.5 min',
      memory: '512m',
      cpus: '0.5',
      pre_command: 'node "migrate now.js"',
      volumes: [{ key: 0, kind: 'bind', source: '/srv/shop', target: '/data', read_only: true }],
      registry_username: 'ci',
      registry_password: ' secret ',
    });
    expect(request).toMatchObject({
      aliases: ['www.example.com'],
      redirects: [{ from: 'old.example.com', status: 301 }],
      ports: [3000, 9229],
      drain_ms: 90_000,
      limits: { cpus: 0.5, memory_bytes: 512 * 1024 ** 2 },
      pre_switch: { command: ['node', 'migrate now.js'], timeout_ms: 600_000 },
      volumes: [{ kind: 'bind', source: '/srv/shop', target: '/data', read_only: true }],
      registry: { username: 'ci', password: ' secret ' },
    });
  });

  it('starts from the live release, or before a first success from what was tried last', () => {
    const releases = [release('shop', 5, 'shop:v5', { state: 'failed' }), release('shop', 4, 'shop:v4', { state: 'live' })];
    expect(baseRelease({ release: 'r4' }, releases)?.id).toBe('r4');
    expect(baseRelease({ release: null }, releases)?.id).toBe('r5');
    expect(baseRelease({ release: 'r1' }, releases)).toBeNull();
    expect(baseRelease({ release: null }, [])).toBeNull();
  });
});

describe('a form made from a release', () => {
  it('deploys it again as it was when nothing is changed, whatever it is configured with', () => {
    fc.assert(
      fc.property(anyConfiguration, (configuration) => {
        const before = release('shop', 4, 'shop:v4', { configuration });
        const template = { app: { name: 'shop', replicas_wanted: configuration.replicas }, release: before };
        const request = requestOf(formFromTemplate(template));
        const after = configurationOf(request, { proxy: 'caddy', replicas: 1 });
        expect(appConfigurationSchema.parse(after)).toEqual(appConfigurationSchema.parse(before.configuration));
        expect(request).toMatchObject({ app_name: 'shop', image: 'shop:v4', pull: 'missing' });
      }),
      { numRuns: 300 },
    );
  });

  it('keeps what its build said of itself for as long as the image is that build’s', () => {
    const build = nextcore('0a1b2c3d4e5f');
    const form = formFromTemplate({ app: app('shop'), release: release('shop', 4, 'shop:v4', { nextcore: build }) });
    expect(requestOf(form).nextcore).toEqual(build);
    expect('nextcore' in requestOf({ ...form, image: 'shop:v5' })).toBe(false);
  });

  it('keeps port and health for another image, of whose build nothing is known here', () => {
    const build = nextcore('0a1b2c3d4e5f', { port: 8080, health_path: '/up' });
    const configuration = { ports: [8080], health: { ...release('shop', 4, 'shop:v4').configuration.health, path: '/up' } };
    const before = release('shop', 4, 'shop:v4', { nextcore: build, configuration: appConfigurationSchema.parse(configuration) });
    const form = formFromTemplate({ app: app('shop'), release: before });
    expect(requestOf({ ...form, image: 'shop:v5' })).toMatchObject({ ports: [8080], health: { path: '/up' } });
  });

  it('keeps as many replicas as the app has been scaled to since', () => {
    const form = formFromTemplate({ app: app('shop', { replicas_wanted: 4 }), release: release('shop', 4, 'shop:v4') });
    expect(requestOf(form).replicas).toBe(4);
    expect(deployChanges(release('shop', 4, 'shop:v4'), 4, form)).toEqual([]);
  });

  it('asks for as many replicas as a failed deploy asked for', () => {
    const failed = release('shop', 5, 'shop:v5', { state: 'failed', configuration: { replicas: 3 } });
    expect(requestOf(formFromTemplate({ app: app('shop'), release: failed })).replicas).toBe(3);
  });

  it('never holds a password', () => {
    const form = formFromTemplate({ app: app('shop'), release: release('shop', 4, 'shop:v4') });
    expect([form.registry_username, form.registry_password]).toEqual(['', '']);
  });
});

describe('what a deploy would change', () => {
  const before = release('shop', 4, 'shop:v4');
  const form = formFromTemplate({ app: app('shop'), release: before });

  it('is nothing where nothing was changed', () => {
    expect(deployChanges(before, 1, form)).toEqual([]);
  });

  it('is said field by field, with values of the environment as secrets', () => {
    const env = [...form.env.filter((row) => row.name !== 'DATABASE_URL'), { key: 9, name: 'NEW_SECRET', value: 'hunter3' }];
    const changes = deployChanges(before, 1, { ...form, image: 'shop:v5', domain: '', port: 8080, watch: '5 min', env });
    expect(changes?.map(({ label, from, to, isSecret }) => (isSecret ? label : `${label}: ${from} → ${to}`))).toEqual([
      'Image: shop:v4 → shop:v5',
      'DATABASE_URL',
      'NEW_SECRET',
      'Domain: shop.example.com → null',
      'Watch window: 1 min → 5 min',
      'Ports: 3000 → 8080',
    ]);
  });

  it('cannot be said while a field is not valid', () => {
    expect(deployChanges(before, 1, { ...form, port: 70_000 })).toBeNull();
  });
});
