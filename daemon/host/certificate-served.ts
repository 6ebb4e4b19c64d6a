/** What a proxy of this host serves, as a visitor is shown it. */
import { connect } from 'node:tls';
import type { AskServed, Served } from '../certs/ports.ts';
import type { ProxyType } from '../contract/names.ts';

const DEADLINE_MS = 5_000;
const UNREACHABLE = /^(?:ECONNREFUSED|EHOSTUNREACH|ETIMEDOUT|ENETUNREACH)$/;

/** `ports`: of the proxies' TLS listeners on loopback. */
export function createServedCertificates(ports: Record<ProxyType, number>): AskServed {
  return (proxy, domain, signal) =>
    askServed(ports[proxy], domain, AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]), signal);
}

function askServed(port: number, domain: string, ended: AbortSignal, signal: AbortSignal): Promise<Served> {
  return new Promise((resolve, reject) => {
    let isConnected = false;
    // Whom the chain is trusted by says nothing about what is served.
    const socket = connect({
      host: '127.0.0.1',
      port,
      servername: domain,
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
    });
    const abort = () => socket.destroy(new Error('no answer in time'));
    const finish = (served: Served) => {
      ended.removeEventListener('abort', abort);
      socket.destroy();
      if (signal.aborted) reject(signal.reason);
      else resolve(served);
    };
    ended.addEventListener('abort', abort, { once: true });
    socket.once('connect', () => {
      isConnected = true;
    });
    socket.once('secureConnect', () => {
      const certificate = socket.getPeerX509Certificate();
      if (certificate === undefined) finish({ kind: 'absent', detail: 'no certificate was shown' });
      else finish({ kind: 'certificate', der: certificate.raw });
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const isUnreachable = !isConnected || UNREACHABLE.test(error.code ?? '');
      const detail = error.code === 'ECONNREFUSED' ? `nothing listens on port ${port}` : error.message;
      finish({ kind: isUnreachable ? 'unreachable' : 'absent', detail });
    });
    socket.once('close', () => finish({ kind: isConnected ? 'absent' : 'unreachable', detail: 'the connection was closed' }));
    if (ended.aborted) abort();
  });
}
