/**
 * Runs in the server, at the far end of both tunnels: `server.mjs HTTP_SOCKET BULK_SOCKET`. Its answers cost next to nothing, so that what
 * is measured is the way there and back.
 *
 * HTTP: `GET /health` as the daemon answers it. Bulk: the client sends a line `up N` and N bytes, answered by `ok`; or `down N`, answered
 * by N bytes.
 */
import { chmodSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import type { DaemonHealth } from '../../../daemon/contract/domain.ts';

const CHUNK = Buffer.alloc(256 * 1024, 'nextdeploy ');
const LINE_BYTES_MAX = 64;

const health: DaemonHealth = {
  status: 'ok',
  checks: ['docker', 'proxy', 'store'].map((name) => ({ name, ok: true, detail: 'answers' })),
};
const answer = JSON.stringify(health);

const [httpSocket, bulkSocket] = process.argv.slice(2);
if (httpSocket === undefined || bulkSocket === undefined) throw new Error('give the paths of both sockets');

listen(
  createHttpServer((request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'application/json', 'x-nextdeploy-api': '1' }).end(answer);
  }),
  httpSocket,
);
listen(createServer(serveBulk), bulkSocket);

function listen(server: Server, path: string): void {
  server.listen(path, () => chmodSync(path, 0o777));
}

function serveBulk(socket: Socket): void {
  socket.on('error', () => socket.destroy());
  let line = '';
  socket.on('data', function readLine(chunk: Buffer) {
    const end = chunk.indexOf(10);
    line += chunk.subarray(0, end === -1 ? undefined : end).toString('latin1');
    if (line.length > LINE_BYTES_MAX) return void socket.destroy();
    if (end === -1) return;
    socket.off('data', readLine);
    const [direction, size] = line.split(' ');
    if (direction === 'down') sendBytes(socket, Number(size));
    else takeBytes(socket, Number(size), chunk.length - end - 1);
  });
}

function takeBytes(socket: Socket, size: number, already: number): void {
  let taken = already;
  const finish = () => taken >= size && socket.end('ok\n');
  socket.on('data', (chunk: Buffer) => {
    taken += chunk.length;
    finish();
  });
  finish();
}

function sendBytes(socket: Socket, size: number): void {
  let left = size;
  const send = () => {
    while (left > 0) {
      const part = CHUNK.subarray(0, Math.min(CHUNK.length, left));
      left -= part.length;
      if (!socket.write(part)) return;
    }
    socket.off('drain', send);
    socket.end();
  };
  socket.on('drain', send);
  send();
}
