/** What listens on ports of this host, as far as a connection to 127.0.0.1 tells. */
import { connect } from 'node:net';

/** `ssh`: it greets as an SSH server does, before it is asked (RFC 4253, section 4.2). */
export type Listener = 'closed' | 'open' | 'ssh';

const CONNECT_MS_MAX = 2_000;
const GREETING_MS_MAX = 500;
const GREETING = 'SSH-';

/** Never rejects but for an abort. */
export function lookAtPort(port: number, signal: AbortSignal): Promise<Listener> {
  return look(port, GREETING_MS_MAX, signal);
}

/** Whether something accepts connections there. Never rejects but for an abort. */
export async function isListening(port: number, signal: AbortSignal): Promise<boolean> {
  return (await look(port, 0, signal)) !== 'closed';
}

async function look(port: number, greeting_ms: number, signal: AbortSignal): Promise<Listener> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<Listener>();
  const socket = connect({ host: '127.0.0.1', port });
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  let timer = setTimeout(() => resolve('closed'), CONNECT_MS_MAX);
  let greeting = '';
  socket.once('connect', () => {
    clearTimeout(timer);
    if (greeting_ms === 0) resolve('open');
    else timer = setTimeout(() => resolve('open'), greeting_ms);
  });
  socket.on('data', (chunk: Buffer) => {
    greeting += chunk.toString('latin1');
    if (greeting.length >= GREETING.length) resolve(greeting.startsWith(GREETING) ? 'ssh' : 'open');
  });
  socket.once('error', () => resolve('closed'));
  socket.once('close', () => resolve('open'));
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
    socket.destroy();
  }
}
