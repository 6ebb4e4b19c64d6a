import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { HostConnections, listeningSockets, parseSockets } from './sockets.ts';

const HEADER = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
const { signal } = new AbortController();

describe('parseSockets', () => {
  it('reads IPv4, IPv6 and IPv4 in IPv6, in the byte order of the kernel', () => {
    const text = [
      HEADER,
      '   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1',
      '   1: 0100D50A:C350 1800D50A:0BB8 01 00000000:00000000 00:00000000 00000000     0        0 2',
      '   2: 00000000000000000000000000000000:0BB8 00000000000000000000000000000000:0000 0A 00000000:00000000 00:0 0 0 0 3',
      '   3: 0000000000000000FFFF00000100D50A:C350 0000000000000000FFFF00001800D50A:0BB8 06 00000000:00000000 00:0 0 0 0 4',
      '   4: 00000000000000000000000001000000:0BB8 00000000000000000000000000000000:0000 0A 00000000:00000000 00:0 0 0 0 5',
      '',
    ].join('\n');
    expect(parseSockets(text)).toEqual([
      { local: { address: '127.0.0.1', port: 8080 }, remote: { address: '0.0.0.0', port: 0 }, state: 10 },
      { local: { address: '10.213.0.1', port: 50_000 }, remote: { address: '10.213.0.24', port: 3000 }, state: 1 },
      { local: { address: '::', port: 3000 }, remote: { address: '::', port: 0 }, state: 10 },
      { local: { address: '10.213.0.1', port: 50_000 }, remote: { address: '10.213.0.24', port: 3000 }, state: 6 },
      { local: { address: '::1', port: 3000 }, remote: { address: '::', port: 0 }, state: 10 },
    ]);
  });
});

describe('the kernel', () => {
  it('shows connections to an address while they are open, and who listens', async () => {
    const server = createServer();
    server.listen(0, '127.0.0.77');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo; // of a TCP server
    const connections = new HostConnections();
    const count = () => connections.countTo(['127.0.0.77'], signal);
    expect(await count()).toBe(0);
    const client = connect(port, '127.0.0.77');
    const [peer] = await once(server, 'connection');
    expect(await count()).toBe(1);
    expect(await listeningSockets(process.pid)).toContainEqual({ address: '127.0.0.77', port });

    client.destroy();
    await once(peer, 'close');
    expect(await count()).toBe(0);
    server.close();
  });
});
