import { describe, expect, it } from 'vitest';
import { areAllShown, errorsBySection, formErrors } from './deploy-fields.ts';
import { type DeployForm, emptyDeployForm } from './deploy-form.ts';
import { readDeployForm } from './deploy-request.ts';
import { sectionSummary } from './deploy-summary.ts';

const filled: DeployForm = { ...emptyDeployForm(), app_name: 'shop', image: 'shop:v1', domain: 'shop.example.com' };
function complaints(part: Partial<DeployForm>) {
  const form = { ...filled, ...part };
  const read = readDeployForm(form);
  if (read.isValid) throw new Error('it is valid');
  return { shown: formErrors(read.errors, form), isAll: areAllShown(read.errors, form) };
}

describe('a complaint', () => {
  it('stands at the field concerned, in the basics', () => {
    const { shown, isAll } = complaints({ app_name: 'Shop!', image: '', port: '', health_path: 'health', domain: 'http://x' });
    expect(Object.keys(shown).toSorted((a, b) => a.localeCompare(b))).toEqual([
      'app_name',
      'domain',
      'health.path',
      'image',
      'ports',
    ]);
    expect(isAll).toBe(true);
    expect(errorsBySection(shown)).toEqual({});
    expect(complaints({ port: 70_000 }).shown).toEqual({ ports: 'Use a port from 1 to 65535' });
  });

  it('stands at a row by the row’s key, whatever rows are empty before it', () => {
    const { shown, isAll } = complaints({
      redirects: [
        { key: 1, from: '', to: '', status: 308 },
        { key: 5, from: 'shop.example.com', to: 'x.example.com', status: 308 },
      ],
      volumes: [
        { key: 2, kind: 'volume', source: '', target: '', read_only: false },
        { key: 3, kind: 'volume', source: '?', target: '/data', read_only: false },
        { key: 4, kind: 'bind', source: 'srv', target: 'data', read_only: false },
      ],
    });
    expect(Object.keys(shown)).toEqual(expect.arrayContaining(['volumes.3.source', 'volumes.4.source', 'volumes.4.target']));
    expect(isAll).toBe(true);
    expect(Object.keys(complaints({ redirects: [{ key: 5, from: 'shop.example.com', to: '', status: 308 }] }).shown)).toEqual([
      'redirects.5.to',
    ]);
  });

  it('opens the part of the dialog that it is in', () => {
    const { shown } = complaints({
      aliases: ['no name!'],
      more_ports: ['0'],
      health_interval: 'soon',
      memory: 'much',
      cpus: 'all',
      capabilities: ['net raw'],
      drain: '20 min',
      pre_command: 'sh -c "exit',
      registry_password: 'x',
      log_files: 500,
    });
    expect(errorsBySection(shown)).toEqual({
      routing: 2,
      health: 1,
      resources: 2,
      security: 1,
      lifecycle: 2,
      registry: 1,
      logs: 1,
    });
  });

  it('is in the words and units in which the field is typed', () => {
    expect(complaints({ drain: '20 min' }).shown).toEqual({ drain_ms: 'Use a time from 0 s to 10 min' });
    expect(complaints({ memory: '1 MiB' }).shown).toEqual({ 'limits.memory_bytes': 'Use a size from 6 MiB to 16 TiB' });
    expect(complaints({ drain: 'soon' }).shown).toEqual({ drain_ms: 'Write a time such as 30 s, 500 ms or 2 min' });
    expect(complaints({ cpus: 'all' }).shown).toEqual({ 'limits.cpus': 'Write a number such as 0.5 or 2' });
  });

  it('of a variable stands at its name, and without a field is said below', () => {
    const row = { key: 1, name: 'A', value: '1' };
    expect(complaints({ env: [row, { ...row, key: 2 }] }).shown).toEqual({ 'env.A': 'This name is there twice' });
    expect(Object.keys(complaints({ env: [{ ...row, name: '1A' }] }).shown)).toEqual(['env.1A']);
    expect(areAllShown([{ field: 'body', message: 'no' }], filled)).toBe(false);
    expect(areAllShown([{ field: '', message: 'no' }], filled)).toBe(false);
    expect(areAllShown([{ field: 'limits', message: 'no' }], filled)).toBe(false);
    expect(areAllShown([{ field: 'volumes.7.source', message: 'no such row' }], filled)).toBe(true); // at the list
    expect(areAllShown([], filled)).toBe(false);
  });

  it('about a time-out without a command asks for the command', () => {
    expect(Object.keys(complaints({ pre_timeout: '5 min' }).shown)).toEqual(['pre_switch.command']);
  });
});

describe('a folded part', () => {
  it('says what is set in it, and nothing where all is left to its defaults', () => {
    expect(sectionSummary('routing', filled)).toBe('');
    expect(
      sectionSummary('routing', {
        ...filled,
        aliases: ['a.example.com', 'b.example.com'],
        tls: 'off',
        proxy: 'nginx',
        more_ports: ['9229'],
      }),
    ).toBe('2 aliases · TLS off · nginx · 1 further port');
    expect(sectionSummary('lifecycle', { ...filled, pre_command: 'migrate', watch: '5 min', stop_signal: 'SIGINT' })).toBe(
      'pre-switch command · watch 5 min · stop SIGINT',
    );
    expect(sectionSummary('registry', { ...filled, registry_username: 'ci', registry_password: 'hunter2' })).toBe('as ci');
  });
});
