import { describe, expect, it } from 'vitest';
import { appConfigurationSchema } from './configuration.ts';
import { nextCoreMetadataSchema } from './nextcore.ts';
import { keptConfiguration, suggestedBy } from './redeploy.ts';

const build = (more: object) =>
  nextCoreMetadataSchema.parse({ next_version: '16.0.1', output: 'standalone', build_id: 'b1', ...more });
const configured = (more: object) => appConfigurationSchema.parse({ domain: 'shop.test', env: { A: '1' }, ...more });
const http = (path: string, more: object = {}) => ({ kind: 'http', path, ...more });

/** Which of the two the next deploy asks for again. */
const kept = (configuration: object, nextcore: object | null, hasNextCore = true) => {
  const live = { configuration: configured(configuration), nextcore: nextcore && build(nextcore) };
  const { health, ports, ...rest } = keptConfiguration(live, { hasNextCore });
  expect({ ...live.configuration, ...rest }).toEqual(live.configuration);
  return [...(health ? ['health'] : []), ...(ports ? ['ports'] : [])];
};

describe('what a build suggests', () => {
  it('is its health path and port, or the defaults', () => {
    expect(suggestedBy(build({ health_path: '/up', port: 8080 }))).toMatchObject({ health: http('/up'), ports: [8080] });
    expect(suggestedBy(build({}))).toEqual(suggestedBy(null));
    expect(suggestedBy(null)).toMatchObject({ health: http('/'), ports: [3000] });
  });
});

describe('the configuration that the next deploy asks for again', () => {
  it.each<[what: string, configuration: object, nextcore: object | null, asked: string[]]>([
    ['nothing of what the build suggested', { health: http('/up'), ports: [8080] }, { health_path: '/up', port: 8080 }, []],
    ['nothing of the defaults of a build without suggestions', {}, {}, []],
    ['nothing of the defaults of an app without a build', {}, null, []],
    ['a health path that is not the build’s', { health: http('/mine') }, { health_path: '/up' }, ['health']],
    ['the default health path, where the build suggested another', {}, { health_path: '/up' }, ['health']],
    ['another patience', { health: http('/up', { retries: 9 }) }, { health_path: '/up' }, ['health']],
    ['another kind of check', { health: { kind: 'none' } }, null, ['health']],
    ['another port', { ports: [81] }, { port: 8080 }, ['ports']],
    ['a further port', { ports: [3000, 9090] }, null, ['ports']],
  ])('holds %s', (_what, configuration, nextcore, asked) => {
    expect(kept(configuration, nextcore)).toEqual(asked);
  });

  it('is all of it where that deploy brings no word of its build', () => {
    expect(kept({ health: http('/up'), ports: [8080] }, { health_path: '/up', port: 8080 }, false)).toEqual(['health', 'ports']);
  });
});
