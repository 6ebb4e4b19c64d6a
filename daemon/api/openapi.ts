import { z } from 'zod';
import { ERROR_CODES, type ErrorCode, errorResponseSchema } from '../contract/errors.ts';
import { API_VERSION, DAEMON_CONFIG_PATH, DAEMON_PORT, DAEMON_SOCKET_PATH } from '../contract/limits.ts';
import type { Route } from '../contract/route.ts';
import { daemonResponseSchema, routes } from '../contract/routes.ts';
import { droppedSchema, type Stream, streams } from '../contract/streams.ts';

type Json = Record<string, unknown>;
type Io = 'input' | 'output';

// Named here, once: zod's registry keeps every schema that was given an id.
const namedError = errorResponseSchema.meta({ id: 'ErrorResponse' });
const namedDropped = droppedSchema.meta({ id: 'Dropped' });

const SECURITY = 'bearer';
const SECURITY_DESCRIPTION = `\`auth.token\` of ${DAEMON_CONFIG_PATH}, or a token made by \`POST /tokens\``;
const READ_ERRORS: ErrorCode[] = ['invalid_request', 'forbidden', 'not_found', 'internal', 'unavailable'];

/** The contract as an OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.1.html); streams stand under `x-streams`. */
export function createOpenApi(version: string): Json {
  const components = new Components();
  const paths: Record<string, Json> = {};
  for (const [name, route] of Object.entries(routes)) {
    const path = openApiPath(route.path);
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationObject(name, route, components) };
  }
  const described = Object.entries(streams).map(([name, stream]) => [name, streamObject(stream, components)]);
  const xStreams: Json = Object.fromEntries(described);
  return {
    openapi: '3.1.0',
    info: {
      title: 'nextdeployd',
      version,
      summary: `API version ${API_VERSION} of the NextDeploy daemon`,
      description:
        `Reached over the Unix socket ${DAEMON_SOCKET_PATH} or http://127.0.0.1:${DAEMON_PORT}, never over a network. ` +
        'Every response carries `X-NextDeploy-Api`. Unknown fields are refused.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: `http://127.0.0.1:${DAEMON_PORT}` }],
    security: [{ [SECURITY]: [] }],
    paths,
    components: {
      schemas: components.schemas,
      responses: errorResponses(components),
      securitySchemes: {
        [SECURITY]: { type: 'http', scheme: 'bearer', description: SECURITY_DESCRIPTION },
      },
    },
    'x-streams': xStreams,
  };
}

/** The document as it is kept in `docs/api/openapi.json`. */
export function openApiText(version: string): string {
  return `${JSON.stringify(createOpenApi(version), null, 2)}\n`;
}

const openApiPath = (path: string) => path.replace(/:([a-z_]+)/g, '{$1}');

function operationObject(name: string, route: Route, components: Components): Json {
  const idempotency = { name: 'Idempotency-Key', in: 'header', schema: { type: 'string', maxLength: 128 } };
  const described = { ...idempotency, description: 'A repeated request with the same key returns the first one’s operation.' };
  return {
    operationId: name,
    summary: route.summary,
    ...(route.role === null ? { security: [] } : {}),
    'x-role': route.role,
    'x-apps': route.apps,
    parameters: [
      ...parameters(route.params, 'path', components),
      ...parameters(route.query, 'query', components),
      ...(route.kind === 'operation' ? [described] : []),
    ],
    ...requestBody(route, components),
    responses: { ...successResponses(route, components), ...errorReferences(route) },
  };
}

function requestBody(route: Route, components: Components): Json {
  if (route.kind === 'upload' && route.binary !== undefined) {
    const { media_type, description } = route.binary;
    return { requestBody: { required: true, description, content: binary(media_type) } };
  }
  if (route.body.def.type === 'undefined') return {};
  return { requestBody: { required: true, content: json(components.of(route.body, 'input')) } };
}

function successResponses(route: Route, components: Components): Json {
  if (route.kind === 'download' && route.binary !== undefined) {
    const { media_type, description } = route.binary;
    return { 200: { description, content: binary(media_type) } };
  }
  const schema = route.kind === 'read' ? route.response : daemonResponseSchema(route.response);
  const content = json(components.of(schema, 'output'));
  if (route.kind !== 'operation') return { 200: { description: 'Done.', content } };
  return {
    200: { description: 'With `wait`: the operation has succeeded.', content },
    202: { description: 'The operation has begun; follow it by its id.', content },
  };
}

function errorReferences(route: Route): Json {
  const codes = [
    ...READ_ERRORS,
    ...(route.role === null ? [] : (['unauthorized', 'rate_limited'] as const)),
    ...(route.kind === 'read' ? [] : (['conflict', 'unprocessable'] as const)),
    ...(route.kind === 'upload' || route.body.def.type !== 'undefined' ? (['payload_too_large'] as const) : []),
  ];
  const sorted = codes.toSorted((a, b) => ERROR_CODES[a].http_status - ERROR_CODES[b].http_status);
  return Object.fromEntries(sorted.map((code) => [ERROR_CODES[code].http_status, { $ref: `#/components/responses/${code}` }]));
}

function errorResponses(components: Components): Json {
  const content = json(components.of(namedError, 'output'));
  return Object.fromEntries(Object.keys(ERROR_CODES).map((code) => [code, { description: `The error \`${code}\`.`, content }]));
}

function streamObject(stream: Stream, components: Components): Json {
  return {
    path: openApiPath(stream.path),
    summary: stream.summary,
    'x-role': stream.role,
    'x-apps': stream.apps,
    parameters: [...parameters(stream.params, 'path', components), ...parameters(stream.query, 'query', components)],
    message: { oneOf: [components.of(stream.message, 'output'), components.of(namedDropped, 'output')] },
    error: components.of(namedError, 'output'),
  };
}

function parameters(schema: z.ZodType, where: 'path' | 'query', components: Components): Json[] {
  const { properties = {}, required = [] } = components.of(schema, 'input') as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, property]) => {
    const { description, ...rest } = property;
    return {
      name,
      in: where,
      required: where === 'path' || required.includes(name),
      ...(description === undefined ? {} : { description }),
      schema: rest,
    };
  });
}

const binary = (media_type: string) => ({ [media_type]: { schema: { type: 'string', format: 'binary' } } });
const json = (schema: Json) => ({ 'application/json': { schema } });

/** Schemas that carry an id, each once. One that reads differently for callers and in answers (defaults) gets two names. */
class Components {
  readonly schemas: Record<string, Json> = {};

  /** The schema for use in the document: a reference if it has an id. */
  of(schema: z.ZodType, io: Io): Json {
    const { $schema: _, $defs = {}, ...root } = z.toJSONSchema(schema, { io, target: 'draft-2020-12', unrepresentable: 'any' });
    const definitions = $defs as Record<string, Json>;
    const id = schema.meta()?.id;
    // zod writes a named schema into the definitions, too, where something else refers to it.
    const all = id === undefined || id in definitions ? definitions : { ...definitions, [id]: root as Json };
    const names = new Map(Object.entries(all).map(([name, definition]) => [name, this.#nameFor(name, definition, io)]));
    for (const [name, definition] of Object.entries(all)) {
      this.schemas[names.get(name) ?? name] = redirect(withoutId(definition), names) as Json;
    }
    return id === undefined ? (redirect(root, names) as Json) : { $ref: `#/components/schemas/${names.get(id) ?? id}` };
  }

  #nameFor(name: string, definition: Json, io: Io): string {
    // Whether the two differ is asked of the definition itself, so that the name does not depend on the order of use.
    const isInput = io === 'input' && JSON.stringify(definition).includes('"default"');
    return isInput && !name.endsWith('Request') ? `${name}Input` : name;
  }
}

function withoutId({ id: _, ...definition }: Json): Json {
  return definition;
}

/** References within one schema's definitions, turned into references within the document. */
function redirect(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(value)) return value.map((each) => redirect(each, names));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => {
      const name = key === '$ref' && typeof each === 'string' ? /^#\/\$defs\/(.+)$/.exec(each)?.[1] : undefined;
      return [key, name === undefined ? redirect(each, names) : `#/components/schemas/${names.get(name) ?? name}`];
    }),
  );
}
