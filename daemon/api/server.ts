import {
  createServer as createHttpServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ListenerKind } from '../contract/access.ts';
import { DomainError } from '../contract/errors.ts';
import { isLoopback } from '../contract/rules.ts';
import { listenOnUnixSocket } from '../host/unix-socket.ts';
import type { Sealed } from '../secrets/sealed.ts';
import type { AppOfOperation } from './app-limits.ts';
import type { AuditRecord } from './audit.ts';
import { SERVER_BOUNDS, SERVER_TIMEOUTS, type ServerTimeouts } from './bounds.ts';
import { type AuthFailure, createGuard, type TokenBearers } from './guard.ts';
import type { Handlers, StreamHandlers, WaitForOperation } from './handlers.ts';
import type { Log } from './log.ts';
import { createRequestListener } from './requests.ts';
import { createRouter } from './router.ts';
import { createUpgradeListener } from './sockets.ts';
import { Unparsable } from './unparsable.ts';

export interface ServerOptions {
  handlers: Handlers;
  streamHandlers: StreamHandlers;
  waitForOperation: WaitForOperation;
  /** The shared secret; its bearer is an administrator. */
  token: Sealed;
  /** Those that were made over the API. */
  tokens: TokenBearers;
  appOfOperation: AppOfOperation;
  recordAudit: (entry: AuditRecord) => void;
  log: Log;
  version: string;
  /** Wrong tokens came faster than the contract's bound; at most once a minute. */
  onAuthFailure: (failure: AuthFailure) => void;
  /** An answer or frame that does not match the contract is logged and sent (default), or becomes a 500 (for tests). */
  onContractBreach?: 'log' | 'throw';
  timeouts?: Partial<ServerTimeouts>;
  /** For counting failures; default: the system's. */
  now?: () => number;
}

export interface ListenOptions {
  /** Absent: no Unix socket. */
  socketPath?: string;
  /** Group that may connect to the socket (mode 0660). */
  socketGid?: number;
  /** A loopback address; anything else is refused. Absent: no TCP listener. */
  host?: string;
  /** 0: any free port, told by {@link Server.addresses}. */
  port?: number;
}

export interface Server {
  /** @throws DomainError `invalid_request` for an address that is not loopback, `conflict` if something else listens there */
  listen(options: ListenOptions): Promise<void>;
  /** Ends streams (1001) and waits, answers what is in flight within a short grace, and removes the socket. */
  close(): Promise<void>;
  addresses(): { socketPath: string | null; tcp: { host: string; port: number } | null };
}

/** The daemon's API on both listeners, derived from the contract's tables. Everything it needs is passed in. */
export function createServer(options: ServerOptions): Server {
  const { log, version } = options;
  const stop = new AbortController();
  const shared = {
    ...options,
    onContractBreach: options.onContractBreach ?? 'log',
    timeouts: { ...SERVER_TIMEOUTS, ...options.timeouts },
    guard: createGuard(options),
    router: createRouter(),
    stopping: stop.signal,
  };
  const onRequest = createRequestListener(shared);
  const { onUpgrade, open } = createUpgradeListener(shared);
  const unparsable = new Unparsable();
  const listeners: { http: HttpServer; remove: () => Promise<void> }[] = [];
  let socketPath: string | null = null;
  let tcp: { host: string; port: number } | null = null;

  function createListener(kind: ListenerKind): HttpServer {
    const http = createHttpServer({
      maxHeaderSize: SERVER_BOUNDS.header_bytes_max,
      headersTimeout: shared.timeouts.headers_ms,
      // Node's covers uploads too; the body readers have deadlines of their own.
      requestTimeout: 0,
      connectionsCheckingInterval: shared.timeouts.headers_ms / 2,
      keepAliveTimeout: SERVER_BOUNDS.keep_alive_ms,
      // A missing Host is answered by the error model, too.
      requireHostHeader: false,
      // Others, such as curl's offer of h2c, are answered over HTTP/1.1.
      shouldUpgradeCallback: (request) => request.headers.upgrade?.toLowerCase() === 'websocket',
    });
    http.maxConnections = SERVER_BOUNDS.connections_max;
    http.maxHeadersCount = SERVER_BOUNDS.header_fields_max;
    const take = (request: IncomingMessage, response: ServerResponse) => {
      unparsable.follow(request, response);
      void onRequest(request, response, kind);
    };
    http.on('request', take);
    http.on('checkContinue', take);
    http.on('checkExpectation', take);
    http.on('upgrade', (request, socket, head) => void onUpgrade(request, socket, head, kind));
    http.on('clientError', (error, socket) => unparsable.refuse(error, socket));
    http.on('error', (err) => log.error({ err }, 'a listener failed'));
    return http;
  }

  async function listenOnTcp(host: string, port: number): Promise<void> {
    const http = createListener('tcp');
    await bind(http, loopbackAddress(host), port);
    const address = http.address() as AddressInfo; // bound to an address and port, not to a path
    tcp = { host: address.address, port: address.port };
    listeners.push({ http, remove: async () => undefined });
  }

  async function listenOnSocket(path: string, gid: number | undefined): Promise<void> {
    const http = createListener('socket');
    const remove = await listenOnUnixSocket(http, path, { mode: 0o660, ...(gid === undefined ? {} : { gid }) });
    socketPath = path;
    listeners.push({ http, remove });
  }

  async function close(): Promise<void> {
    stop.abort(new DomainError('unavailable', 'The daemon is stopping; try again in a moment.'));
    const grace = setTimeout(() => {
      for (const webSocket of open) webSocket.terminate();
      for (const { http } of listeners) http.closeAllConnections();
    }, SERVER_BOUNDS.close_grace_ms);
    await Promise.all(listeners.map(({ remove }) => remove()));
    await Promise.all(listeners.map(({ http }) => closed(http)));
    await Promise.all([...open].map((each) => new Promise((resolve) => each.once('close', resolve))));
    clearTimeout(grace);
    listeners.length = 0;
    [socketPath, tcp] = [null, null];
  }

  return {
    async listen({ socketPath: path, socketGid, host, port }) {
      // Checked before anything is opened, so that a wrong address leaves nothing behind.
      if (host !== undefined) loopbackAddress(host);
      if (path !== undefined) await listenOnSocket(path, socketGid);
      if (host !== undefined) await listenOnTcp(host, port ?? 0);
      log.info({ socket: socketPath, tcp, version }, 'listening');
    },
    close,
    addresses: () => ({ socketPath, tcp }),
  };
}

function loopbackAddress(host: string): string {
  if (host === 'localhost') return '127.0.0.1';
  if (isLoopback(host)) return host;
  throw new DomainError(
    'invalid_request',
    `The daemon listens on loopback addresses only, not on "${host}"; set listen.host to 127.0.0.1.`,
  );
}

function bind(http: HttpServer, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (cause: NodeJS.ErrnoException) => {
      const inUse = cause.code === 'EADDRINUSE';
      const message = inUse
        ? `Port ${port} of ${host} is in use; stop what listens there or set another listen.port.`
        : `Cannot listen on ${host}:${port}: ${cause.code ?? cause.message}.`;
      reject(new DomainError(inUse ? 'conflict' : 'unavailable', message, { cause }));
    };
    http.once('error', onError);
    http.listen({ host, port, exclusive: true }, () => {
      http.off('error', onError);
      resolve();
    });
  });
}

function closed(http: HttpServer): Promise<void> {
  const done = new Promise<void>((resolve) => http.close(() => resolve()));
  http.closeIdleConnections();
  return done;
}
