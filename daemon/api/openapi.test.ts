import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { routes } from '../contract/routes.ts';
import { streams } from '../contract/streams.ts';
import { createOpenApi, openApiText } from './openapi.ts';

type Json = Record<string, unknown>;
interface Operation extends Json {
  operationId: string;
  parameters: { name: string; in: string; required?: boolean; schema: Json }[];
  responses: Record<string, unknown>;
  'x-role': string | null;
}

const document = createOpenApi('1.2.3') as {
  openapi: string;
  info: { version: string };
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Json | undefined>; responses: Record<string, Json> };
  'x-streams': Record<string, { path: string; 'x-role': string; parameters: Operation['parameters']; message: Json }>;
};

/** Every object within a value, with the way to it. */
function* objects(value: unknown, at = '#'): Generator<[path: string, object: Json]> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield [at, value as Json];
  for (const [key, each] of Object.entries(value)) yield* objects(each, `${at}/${key}`);
}

const resolve = (ref: string) =>
  ref
    .slice(2)
    .split('/')
    .reduce<unknown>((at, key) => (at as Json | undefined)?.[key], document);

describe('the OpenAPI document', () => {
  it('describes every endpoint and stream of the contract, with role and parameters', () => {
    expect(document).toMatchObject({ openapi: '3.1.0', info: { version: '1.2.3' } });
    const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
    expect(operations).toHaveLength(Object.keys(routes).length);
    expect(operations.map((operation) => operation.operationId)).toEqual(expect.arrayContaining(Object.keys(routes)));
    for (const [name, route] of Object.entries(routes)) {
      const path = route.path.replace(/:(\w+)/g, '{$1}');
      const operation = document.paths[path]?.[route.method.toLowerCase()];
      expect(operation).toMatchObject({ operationId: name, 'x-role': route.role, 'x-apps': route.apps });
      const declared = operation?.parameters.filter((each) => each.in === 'path').map((each) => `{${each.name}}`);
      expect(declared).toEqual(path.match(/\{\w+\}/g) ?? []);
      expect(Object.keys(operation?.responses ?? {})).toEqual(expect.arrayContaining(['200', '400', '403', '500']));
    }
    expect(Object.keys(document['x-streams'])).toEqual(Object.keys(streams));
    expect(document['x-streams'].logs).toMatchObject({ path: '/ws/logs/{app}', 'x-role': 'viewer', 'x-apps': 'named' });
  });

  it('has no reference that leads nowhere, and nothing of a generator left in it', () => {
    let references = 0;
    for (const [at, object] of objects(document)) {
      expect(object, at).not.toHaveProperty('$defs');
      expect(object, at).not.toHaveProperty('$schema');
      const ref = object.$ref;
      if (typeof ref !== 'string') continue;
      references += 1;
      expect(resolve(ref), `${at} refers to ${ref}`).toBeTypeOf('object');
    }
    expect(references).toBeGreaterThan(50);
  });

  it('says what callers may leave out, and what answers always hold', () => {
    const { DeployRequest, AppConfiguration, HealthCheck, HealthCheckInput } = document.components.schemas;
    expect(DeployRequest).toMatchObject({ required: ['app_name', 'image'], additionalProperties: false });
    expect(AppConfiguration?.required).toEqual(expect.arrayContaining(['env', 'ports', 'health', 'drain_ms']));
    expect(JSON.stringify(HealthCheckInput)).not.toContain('"required":["kind","path"');
    expect(JSON.stringify(HealthCheck)).toContain('"required":["kind","path"');
  });

  it('needs a token everywhere but where the contract says otherwise', () => {
    const open = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).filter((operation) => Array.isArray(operation.security)),
    );
    expect(open.map((operation) => operation.operationId)).toEqual(['getHealth']);
  });

  it('in docs/api is the one of this contract (else run scripts/openapi.ts)', () => {
    const kept = readFileSync(new URL('../../docs/api/openapi.json', import.meta.url), 'utf8');
    expect(kept === openApiText(manifest.version)).toBe(true);
  });
});
