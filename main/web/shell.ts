/** The web shell: the built renderer and a core's link, served to this machine's own browser. */
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isIPv4 } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { Gate, readCookie, refuseOrigin } from './access.ts';
import { type Assets, answerAsset, loadAssets } from './assets.ts';
import { securityHeaders } from './headers.ts';
import { CLOSE, type ConnectableCore, createPort, LINK_LIMITS, type LinkLimits } from './link.ts';

const HTTP_LIMITS = {
  connections_max: 64,
  header_bytes_max: 16 * 1024,
  headers_timeout_ms: 5_000,
  request_timeout_ms: 10_000,
  /** From the polite end of open links to the impolite one. */
  close_grace_ms: 500,
} as const;

const TEXT = { 'content-type': 'text/plain; charset=utf-8' };
const NOT_SIGNED_IN = 'This browser has no session of the console. Open the link that the console printed when it started.\n';
const TOKEN_USED =
  'This link was used already, or is not from this run. If the console is open in this browser, go to /; else ask it for a new link.\n';

export interface WebShellOptions {
  core: ConnectableCore;
  /** The built renderer, `out/renderer`; read once at the start. */
  rendererDirectory: string;
  /** An IPv4 loopback address; default `127.0.0.1`. */
  host?: string;
  /** Default: any free one. */
  port?: number;
  /** Smaller bounds, for tests. */
  limits?: Partial<LinkLimits>;
}

export interface WebShell {
  /** Opens the console once, in one browser. */
  url: string;
  /** Another such URL, for another browser. The last eight unused ones are good. */
  createUrl(): string;
  /** Ends every connection and frees the port. The core is the caller's and goes on. */
  close(): Promise<void>;
}

interface Shell {
  core: ConnectableCore;
  assets: Assets;
  gate: Gate;
  sockets: WebSocketServer;
  /** Known once the server listens. */
  authorities: string[];
  cookie: string;
  headers: Record<string, string>;
  limits: LinkLimits;
}

/** Serves the console. Throws when the renderer is not built, the address is not loopback, or the port is taken. */
export async function startWebShell(options: WebShellOptions): Promise<WebShell> {
  const host = options.host ?? '127.0.0.1';
  if (!isIPv4(host) || !host.startsWith('127.')) {
    throw new Error(`The console is served on loopback only; ${host} is not an address in 127.0.0.0/8.`);
  }
  const limits: LinkLimits = { ...LINK_LIMITS, ...options.limits };
  const assets = await loadAssets(options.rendererDirectory);
  const sockets = new WebSocketServer({ noServer: true, maxPayload: limits.frame_bytes_max, perMessageDeflate: false });
  const shell: Shell = {
    core: options.core,
    assets,
    gate: new Gate(),
    sockets,
    authorities: [],
    cookie: '',
    headers: {},
    limits,
  };
  const server = createHttpServer(shell);
  await listen(server, host, options.port ?? 0);

  const { port } = server.address() as AddressInfo; // an IP listener's address is never a string
  shell.authorities = [`${host}:${port}`, `localhost:${port}`];
  shell.cookie = `nextdeploy-${port}`; // cookies do not know ports: two consoles must not overwrite each other's
  shell.headers = securityHeaders(shell.authorities.map((authority) => `ws://${authority}`));
  const createUrl = () => `http://${host}:${port}/?token=${shell.gate.issueToken()}`;
  return { url: createUrl(), createUrl, close: () => closeAll(server, sockets) };
}

function createHttpServer(shell: Shell): Server {
  const server = createServer(
    {
      maxHeaderSize: HTTP_LIMITS.header_bytes_max,
      headersTimeout: HTTP_LIMITS.headers_timeout_ms,
      requestTimeout: HTTP_LIMITS.request_timeout_ms,
      connectionsCheckingInterval: 1_000,
    },
    (request, response) => {
      const answer = answerRequest(shell, request);
      response.writeHead(answer.status, { ...shell.headers, ...answer.headers });
      // A body that nobody asked for is not read: the connection ends with the answer.
      if (request.method !== 'GET' && request.method !== 'HEAD') response.shouldKeepAlive = false;
      endResponse(request, response, answer.body);
    },
  );
  server.maxConnections = HTTP_LIMITS.connections_max;
  server.on('upgrade', (request, socket, head) => acceptLink(shell, request, socket, head));
  server.on('clientError', (_error, socket) => socket.destroy());
  return server;
}

function endResponse(request: IncomingMessage, response: ServerResponse, body: Buffer | string | null): void {
  if (request.method === 'HEAD' || body === null) response.end();
  else response.end(body);
}

interface Answer {
  status: number;
  headers: Record<string, string>;
  body: Buffer | string | null;
}

/** Decides the whole answer of a plain request; nothing but the gate's tokens and sessions changes by it. */
function answerRequest(shell: Shell, request: IncomingMessage): Answer {
  const refusal = refuseOrigin(originOf(request), shell.authorities, false);
  if (refusal !== null) return text(403, `${refusal}\n`);
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return { status: 405, headers: { ...TEXT, allow: 'GET, HEAD' }, body: 'Only GET and HEAD.\n' };
  }
  const [path = '', query = ''] = splitOnce(request.url ?? '', '?');
  const token = path === '/' ? new URLSearchParams(query).get('token') : null;
  if (token !== null) return request.method === 'GET' ? exchangeToken(shell, token) : text(405, 'Only GET uses a link.\n');
  if (!isSignedIn(shell, request)) return text(401, NOT_SIGNED_IN);
  return answerAsset(shell.assets, path, request.headers['if-none-match']);
}

function exchangeToken(shell: Shell, token: string): Answer {
  const session = shell.gate.exchange(token);
  if (session === null) return text(403, TOKEN_USED);
  const cookie = `${shell.cookie}=${session}; Path=/; HttpOnly; SameSite=Strict`;
  return { status: 303, headers: { location: '/', 'set-cookie': cookie, 'cache-control': 'no-store' }, body: null };
}

function acceptLink(shell: Shell, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  socket.on('error', () => socket.destroy());
  const refusal = refuseLink(shell, request);
  if (refusal !== null) {
    sendRefusal(socket, refusal);
    return;
  }
  shell.sockets.handleUpgrade(request, socket, head, (link) => {
    link.on('error', () => link.terminate()); // a broken or oversized frame: `ws` has answered it with its close code
    shell.core.connect(createPort(link, shell.limits));
  });
}

function refuseLink(shell: Shell, request: IncomingMessage): Answer | null {
  const refusal = refuseOrigin(originOf(request), shell.authorities, true);
  if (refusal !== null) return text(403, `${refusal}\n`);
  if (request.url !== '/link') return text(404, 'The link is at /link.\n');
  if (!isSignedIn(shell, request)) return text(401, NOT_SIGNED_IN);
  if (shell.sockets.clients.size < shell.limits.links_max) return null;
  return text(503, `The console is open in ${shell.limits.links_max} places already; close one.\n`);
}

function sendRefusal(socket: Duplex, { status, headers, body }: Answer): void {
  const content = body ?? '';
  const all = { ...headers, 'content-length': String(Buffer.byteLength(content)), connection: 'close' };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  socket.once('finish', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('\r\n')}\r\n\r\n${content}`);
}

function isSignedIn(shell: Shell, request: IncomingMessage): boolean {
  return shell.gate.hasSession(readCookie(request.headers.cookie, shell.cookie));
}

function originOf(request: IncomingMessage) {
  const { host, origin, 'sec-fetch-site': site, 'sec-fetch-mode': mode } = request.headers;
  return { host, origin, 'sec-fetch-site': site, 'sec-fetch-mode': mode };
}

function text(status: number, body: string): Answer {
  return { status, headers: { ...TEXT, 'cache-control': 'no-store' }, body };
}

function splitOnce(value: string, separator: string): [string, string] {
  const index = value.indexOf(separator);
  return index === -1 ? [value, ''] : [value.slice(0, index), value.slice(index + 1)];
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function closeAll(server: Server, sockets: WebSocketServer): Promise<void> {
  const isClosed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  for (const link of sockets.clients) link.close(CLOSE.going_away, 'the console ends');
  server.closeIdleConnections();
  const impatience = setTimeout(() => {
    for (const link of sockets.clients) link.terminate();
    server.closeAllConnections();
  }, HTTP_LIMITS.close_grace_ms);
  await isClosed;
  clearTimeout(impatience);
  sockets.close();
}
