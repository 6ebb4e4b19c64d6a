import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, it, vi } from 'vitest';
import { createGatheringSocket } from './gathering-socket.ts';

it('sends what is written in one turn together, in order, and nothing is left behind', async () => {
  const received: Buffer[] = [];
  let served: Socket | undefined;
  const server = createServer((socket) => {
    served = socket;
    socket.on('data', (chunk: Buffer) => received.push(chunk));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = createGatheringSocket();
  socket.connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  const writev = vi.spyOn(socket, '_writev' as never);
  for (const word of ['a', 'b', 'c']) socket.write(word);
  await vi.waitFor(() => expect(Buffer.concat(received).toString()).toBe('abc'));
  expect(writev).toHaveBeenCalledOnce();
  socket.write('d', 'utf8', () => socket.end('e'));
  await vi.waitFor(() => expect(Buffer.concat(received).toString()).toBe('abcde'));
  served?.destroy();
  socket.destroy();
  server.close();
});
