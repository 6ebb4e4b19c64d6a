/** TCP sockets as the kernel lists them in /proc (proc_net_tcp in the kernel's documentation). Parsers are pure. */
import { readFile } from 'node:fs/promises';
import type { Connections } from '../engine/ports.ts';

export interface TcpSocket {
  local: { address: string; port: number };
  remote: { address: string; port: number };
  state: number;
}

const LISTEN = 0x0a;
/** TIME_WAIT and CLOSE: nothing flows any more. */
const ENDED = new Set([0x06, 0x07]);

/** This host's connections, as in its own network namespace. The proxy's connections to containers are among them. */
export class HostConnections implements Connections {
  async countTo(addresses: readonly string[], signal: AbortSignal): Promise<number> {
    const wanted = new Set(addresses);
    const sockets = await readSockets('/proc/net', signal);
    return sockets.filter((socket) => wanted.has(socket.remote.address) && !ENDED.has(socket.state)).length;
  }
}

/** What listens in the network namespace of a process. */
export async function listeningSockets(pid: number, signal?: AbortSignal): Promise<{ address: string; port: number }[]> {
  const sockets = await readSockets(`/proc/${pid}/net`, signal);
  // Docker's own resolver listens on 127.0.0.11 in every container.
  return sockets
    .filter((socket) => socket.state === LISTEN && socket.local.address !== '127.0.0.11')
    .map((socket) => socket.local);
}

async function readSockets(directory: string, signal?: AbortSignal): Promise<TcpSocket[]> {
  const options = { encoding: 'utf8', ...(signal ? { signal } : {}) } as const;
  const [four, six] = await Promise.all([
    readFile(`${directory}/tcp`, options),
    // Absent where IPv6 is off.
    readFile(`${directory}/tcp6`, options).catch(() => ''),
  ]);
  return [...parseSockets(four), ...parseSockets(six)];
}

/** The lines of /proc/net/tcp or tcp6; an IPv4 address in an IPv6 socket is given as IPv4. */
export function parseSockets(text: string): TcpSocket[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [, local, remote, state] = line.trim().split(/\s+/);
      return local && remote && state
        ? [{ local: parseEnd(local), remote: parseEnd(remote), state: Number.parseInt(state, 16) }]
        : [];
    });
}

function parseEnd(text: string): { address: string; port: number } {
  const [hex = '', port = '0'] = text.split(':');
  return { address: parseAddress(hex), port: Number.parseInt(port, 16) };
}

/** Each 32-bit word is in the host's byte order: little-endian on x86-64 and arm64. */
function parseAddress(hex: string): string {
  const words = (hex.match(/.{8}/g) ?? []).map((word) =>
    (word.match(/../g) ?? []).reverse().map((byte) => Number.parseInt(byte, 16)),
  );
  const bytes = words.flat();
  if (bytes.length === 4) return bytes.join('.');
  const isMapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  if (isMapped) return bytes.slice(12).join('.');
  if (bytes.every((byte) => byte === 0)) return '::';
  if (bytes.slice(0, 15).every((byte) => byte === 0) && bytes[15] === 1) return '::1';
  return Array.from({ length: 8 }, (_, index) =>
    (((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0)).toString(16),
  ).join(':');
}
