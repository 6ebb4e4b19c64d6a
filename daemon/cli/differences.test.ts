import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareConfigurations } from '../contract/compare.ts';
import { appConfigurationSchema } from '../contract/configuration.ts';
import { differenceLines, summaryOf } from './differences.ts';

const plain = appConfigurationSchema.parse({});
const full = appConfigurationSchema.parse({
  env: { SECRET: 'hush', constructor: 'hush' },
  domain: 'shop.test',
  aliases: ['www.shop.test', 'shop.example'],
  redirects: [{ from: 'old.test', to: 'shop.test' }],
  ports: [8080],
  health: { kind: 'http', path: '/up', status: { min: 200, max: 299 }, timeout_ms: 1_500 },
  limits: { cpus: 0.5, memory_bytes: 512 * 1024 ** 2 },
  volumes: [{ kind: 'volume', name: 'data', target: '/data', read_only: true }],
  read_only_root: true,
  log: { files: 5 },
  drain_ms: 5_000,
  pre_switch: { command: ['node', 'migrate.js'] },
});

describe('what is different', () => {
  it('is told as flags would say it, and of a variable only the name', () => {
    const lines = differenceLines(compareConfigurations(plain, full));
    expect(lines).toEqual([
      '  domain          none → shop.test',
      '  aliases         none → www.shop.test shop.example',
      '  redirects       none → old.test=shop.test:308',
      '  limits.cpus     none → 0.5',
      '  limits.memory   none → 512m',
      '  volumes         none → data:/data:ro',
      '  read_only_root  false → true',
      '  log.files       3 → 5',
      '  drain           30s → 5s',
      '  pre_switch      none → node migrate.js',
      '  ports           3000 → 8080',
      '  health.path     / → /up',
      '  health.status   200-399 → 200-299',
      '  health.timeout  5s → 1500ms',
      '  env             SECRET added, constructor added',
    ]);
  });

  it('is told whole where the kind of a thing changes', () => {
    const tcp = appConfigurationSchema.parse({ health: { kind: 'tcp' } });
    const [line] = differenceLines(compareConfigurations(plain, tcp));
    expect(line).toContain(
      '  health  http, deadline 1m, interval 500ms, path /, retries 3, start_period 30s, status 200-399, timeout 5s → tcp, deadline 1m,',
    );
    expect(differenceLines(compareConfigurations(tcp, appConfigurationSchema.parse({ health: { kind: 'none' } })))[0]).toMatch(
      / → none$/,
    );
  });

  it('in one line is what a configuration has', () => {
    const configuration = appConfigurationSchema.parse({ env: { B: '1', A: '2' }, domain: 'shop.test', log: { files: 2 } });
    expect(summaryOf(compareConfigurations(plain, configuration))).toBe('domain shop.test, log.files 2, env A B');
    expect(summaryOf([])).toBe('');
  });

  it('is one line each for whatever stands in a difference', () => {
    const field = fc.oneof(
      fc.string(),
      fc.constantFrom('env.A', 'health', 'drain_ms', 'volumes', 'redirects', 'pre_switch', 'limits'),
    );
    const text = fc.option(fc.oneof(fc.string(), fc.json()));
    fc.assert(
      fc.property(fc.array(fc.record({ field, from: text, to: text })), (differences) => {
        for (const line of differenceLines(differences)) expect(line).not.toMatch(/\p{Cc}/u);
        summaryOf(differences);
      }),
    );
  });
});
