import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { AppRule, ListenerKind } from '../contract/access.ts';
import type { Operation } from '../contract/domain.ts';
import { DomainError } from '../contract/errors.ts';
import { LIMITS } from '../contract/limits.ts';
import type { Route } from '../contract/route.ts';
import type { RouteName } from '../contract/routes.ts';
import { isTerminal } from '../contract/rules.ts';
import { type AppOfOperation, appOf, maySee, requireAllowedApp } from './app-limits.ts';
import { type AuditRecord, AuditTrail } from './audit.ts';
import { checkContentType, checkDeclaredLength, readJsonBody, UploadBody } from './body.ts';
import { SERVER_BOUNDS, type ServerTimeouts } from './bounds.ts';
import { type Caller, type Guard, NOBODY, requireRole } from './guard.ts';
import { contextOf, type Handlers, type RouteRequest, type WaitForOperation } from './handlers.ts';
import type { Log } from './log.ts';
import { changeMessage, operationMessage } from './messages.ts';
import { type Answer, type DownloadAnswer, errorAnswer, send, sendDownload } from './respond.ts';
import { type createRouter, type Match, parsePart, parseQuery, type RouteMatch } from './router.ts';

export interface RequestOptions {
  handlers: Handlers;
  waitForOperation: WaitForOperation;
  guard: Guard;
  appOfOperation: AppOfOperation;
  recordAudit: (entry: AuditRecord) => void;
  router: ReturnType<typeof createRouter>;
  log: Log;
  /** What happens when an answer does not match the contract: said in the log and sent, or a 500 (for tests). */
  onContractBreach: 'log' | 'throw';
  timeouts: ServerTimeouts;
  /** Aborted when the daemon stops. */
  stopping: AbortSignal;
}

type RestMatch = Match<RouteName, Route>;

/** Answers REST requests by the contract's table: guard, match, validate, handle, check the answer, send it. */
export function createRequestListener(options: RequestOptions) {
  const { log, stopping } = options;
  let inFlight = 0;

  return async (request: IncomingMessage, response: ServerResponse, listener: ListenerKind): Promise<void> => {
    const gone = new AbortController();
    const signal = AbortSignal.any([gone.signal, stopping]);
    response.once('close', () => {
      if (!response.writableFinished) gone.abort(new DomainError('unavailable', 'The caller hung up.'));
    });
    // Whoever reads the body hears of its errors through the signal; here they only must not crash the process.
    request.on('error', () => undefined);
    inFlight += 1;
    const trail = new AuditTrail(listener, options.recordAudit);
    try {
      const match = options.router.route(request.method ?? '', request.url ?? '');
      if ('name' in match) trail.begin(match, request);
      if (inFlight > SERVER_BOUNDS.requests_in_flight_max) {
        throw new DomainError('unavailable', 'The daemon has too many requests in hand; try again in a moment.');
      }
      const answered = await answer(options, { request, response, listener, signal, match, trail });
      trail.write(answered);
      if ('download' in answered) await sendDownload(response, answered, options.timeouts.answer_idle_ms, log);
      else finish(request, response, answered, options.timeouts);
    } catch (error) {
      logFailure(log, error, request);
      const refused = errorAnswer(error);
      trail.write(refused);
      finish(request, response, refused, options.timeouts);
    } finally {
      inFlight -= 1;
    }
  };
}

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  listener: ListenerKind;
  /** Aborted when the caller hangs up or the daemon stops. */
  signal: AbortSignal;
  match: RouteMatch;
  trail: AuditTrail;
}

async function answer(options: RequestOptions, exchange: Exchange): Promise<Answer | DownloadAnswer> {
  const { guard, appOfOperation, timeouts } = options;
  const { request, response, listener, match, trail } = exchange;
  guard.checkSource(request, listener);
  const isOpen = 'name' in match && match.definition.role === null;
  const caller = isOpen ? NOBODY : guard.identify(request);
  trail.caller = caller;
  if (!isOpen) await guard.admit(caller, listener, exchange.signal);
  if ('error' in match) {
    return match.allow === undefined ? errorAnswer(match.error) : errorAnswer(match.error, { Allow: match.allow }, 405);
  }
  const { role, apps: rule } = match.definition;
  if (role !== null) requireRole(caller, role);
  // Only a token that was made over the API ends before the daemon does.
  const signal = caller.token_id === null ? exchange.signal : AbortSignal.any([exchange.signal, caller.ended]);
  const parsed = await parseRequest(match, request, response, caller, { signal, timeouts });
  try {
    const app = appOf(parsed, rule, appOfOperation);
    trail.app_name = app ?? trail.app_name;
    requireAllowedApp(caller, rule, app, parsed);
    // The body may have been long in coming.
    signal.throwIfAborted();
    const result = await callHandler(options.handlers, match.name, parsed);
    checkAnswer(options, match, result);
    return await answerFor(options, match, parsed, { result: visible(result, rule, caller), trail });
  } finally {
    parsed.upload.destroy();
  }
}

/** Without what is of apps that the caller is not to see. */
function visible(result: unknown, rule: AppRule, { apps }: Caller): unknown {
  if (rule !== 'filtered' || apps === null) return result;
  if (Array.isArray(result)) return result.filter((entry) => maySee(apps, entry));
  throw new Error('only a list can be filtered by app');
}

async function parseRequest(
  { definition, params }: RestMatch,
  request: IncomingMessage,
  response: ServerResponse,
  caller: Caller,
  { signal, timeouts }: { signal: AbortSignal; timeouts: ServerTimeouts },
): Promise<RouteRequest<RouteName>> {
  const raw = definition.kind === 'upload' ? definition.binary : undefined;
  const bytesMax = raw?.bytes_max ?? LIMITS.request_body_bytes_max;
  const parts = {
    params: parsePart(definition.params, params, 'path'),
    query: parsePart(definition.query, parseQuery(request.url ?? ''), 'query'),
    context: contextOf(caller, idempotencyKey(request), signal),
  };
  checkDeclaredLength(request, bytesMax);
  if (raw !== undefined) checkContentType(request, raw.media_type);
  if (request.headers.expect !== undefined) response.writeContinue();
  const upload =
    raw !== undefined ? new UploadBody(request, { bytesMax, timeout_ms: timeouts.upload_idle_ms, signal }) : Readable.from([]);
  const limits = { bytesMax, timeout_ms: timeouts.body_ms, signal };
  const body = raw !== undefined ? undefined : parseBody(definition, await readJsonBody(request, limits));
  // Each part was parsed by the schema of the route that it is handed to.
  return { ...parts, body, upload } as RouteRequest<RouteName>;
}

function parseBody({ body: schema }: Route, value: unknown): unknown {
  if (schema.def.type !== 'undefined') return parsePart(schema, value, 'body');
  if (value === undefined) return undefined;
  const fields = typeof value === 'object' && value !== null ? Object.keys(value) : [];
  const details = (fields.length === 0 ? [''] : fields).map((field) => ({ field, message: 'unknown field' }));
  const named = fields[0] === undefined ? '' : ` Field "${fields[0]}" is unknown.`;
  throw new DomainError('invalid_request', `This request takes no body.${named}`, { details });
}

function idempotencyKey(request: IncomingMessage): string | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  const isValid =
    typeof key === 'string' && key.length <= SERVER_BOUNDS.idempotency_key_length_max && /^[A-Za-z0-9._:-]+$/.test(key);
  if (isValid) return key;
  const message = `use 1 to ${SERVER_BOUNDS.idempotency_key_length_max} letters, digits, dots, colons, underscores and hyphens`;
  throw new DomainError('invalid_request', `The header Idempotency-Key is not valid: ${message}.`, {
    details: [{ field: 'Idempotency-Key', message }],
  });
}

async function callHandler(handlers: Handlers, name: RouteName, request: RouteRequest<RouteName>): Promise<unknown> {
  // The table pairs each name with its own request type; TypeScript cannot follow the pairing through a variable.
  const handler = handlers[name] as (request: RouteRequest<RouteName>) => Promise<unknown>;
  return handler(request);
}

function checkAnswer({ log, onContractBreach }: RequestOptions, { name, definition }: RestMatch, result: unknown): void {
  const checked = definition.response.safeParse(result);
  if (checked.success) return;
  if (onContractBreach === 'throw') throw new Error(`The answer of ${name} breaks the contract: ${checked.error.message}`);
  log.error({ route: name, issues: checked.error.issues.slice(0, 10) }, 'an answer does not match the contract');
}

async function answerFor(
  options: RequestOptions,
  match: RestMatch,
  request: RouteRequest<RouteName>,
  { result, trail }: { result: unknown; trail: AuditTrail },
): Promise<Answer | DownloadAnswer> {
  const { kind, binary } = match.definition;
  if (kind === 'download' && binary !== undefined) {
    const body = { success: true, message: changeMessage(match.name, undefined) };
    return { status: 200, body, download: result as AsyncIterable<Uint8Array>, media_type: binary.media_type };
  }
  if (kind === 'read') return { status: 200, body: result };
  if (kind !== 'operation')
    return { status: 200, body: { success: true, message: changeMessage(match.name, result), payload: result } };
  const started = result as Operation; // checked against the route's response schema
  trail.operation_id = started.id;
  trail.write({ status: 202, body: { success: true, message: operationMessage(started), payload: started } });
  const isWaiting = 'wait' in request.query && request.query.wait === true;
  const operation = isWaiting ? await waitForEnd(options, started.id, request.context.signal) : started;
  const isEnded = isWaiting && isTerminal(operation);
  if (isEnded && operation.state !== 'succeeded') {
    throw new DomainError('unprocessable', operationMessage(operation), {
      operation_id: operation.id,
      ...(operation.evidence === null ? {} : { details: operation.evidence }),
    });
  }
  const body = { success: true, message: operationMessage(operation), payload: operation };
  return { status: isEnded ? 200 : 202, body };
}

/**
 * The wait is the caller's: it ends when the caller goes or the daemon stops, even if the engine does not notice. The error then names the
 * operation, which goes on.
 */
function waitForEnd({ waitForOperation }: RequestOptions, id: string, signal: AbortSignal): Promise<Operation> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(named(signal.reason, id));
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  const end = waitForOperation(id, signal).catch((error: unknown) => {
    throw named(error, id);
  });
  return Promise.race([end, promise]).finally(() => signal.removeEventListener('abort', onAbort));
}

function named(error: unknown, operation_id: string): unknown {
  if (!(error instanceof DomainError) || error.operation_id !== undefined) return error;
  const { code, message, details, cause } = error;
  return new DomainError(code, message, { details, operation_id, cause });
}

/**
 * Sends the answer. Where the request's body was not read to its end the connection closes after it, but not before the
 * caller had a chance to read: what still arrives is thrown away, within bounds, because a reset would take the answer too.
 */
function finish(request: IncomingMessage, response: ServerResponse, answer: Answer, { answer_idle_ms }: ServerTimeouts): void {
  // A caller that does not take its answer holds memory. When the answer has left, Node sets the time for idle connections.
  response.setTimeout(answer_idle_ms, () => response.destroy());
  if (request.complete || request.destroyed) {
    send(response, answer);
    return;
  }
  const end = send(response, { ...answer, headers: { ...answer.headers, Connection: 'close' } }, 'keep open');
  const close = setTimeout(end, SERVER_BOUNDS.linger_ms);
  let discarded = 0;
  request.on('data', (chunk: Buffer) => {
    discarded += chunk.length;
    if (discarded > SERVER_BOUNDS.linger_bytes_max) end();
  });
  request.once('end', end);
  response.once('close', () => clearTimeout(close));
  request.resume();
}

/** A refusal is the caller's to read; what went wrong on our side is ours, with its private cause. */
function logFailure(log: Log, error: unknown, request: IncomingMessage): void {
  const where = { method: request.method, path: (request.url ?? '').split('?', 1)[0] };
  if (!(error instanceof DomainError)) log.error({ ...where, err: error }, 'a request failed unexpectedly');
  else if (error.code === 'internal' || error.cause !== undefined) {
    log.warn({ ...where, err: error, cause: error.cause }, 'a request failed');
  }
}
