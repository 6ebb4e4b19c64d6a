/** Lets the demo's site be opened at its plain address: port 80 of this machine's loopback, where nobody else has it. */
import { connect, createServer, type Socket } from 'node:net';

export interface FrontDoor {
  close(): Promise<void>;
}

/** Passes 127.0.0.1:80 on to `target` (`http://127.0.0.1:PORT`); null where the port is taken or not ours to open. */
export async function openFrontDoor(target: string): Promise<FrontDoor | null> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const server = createServer((visitor) => {
    const site = connect(Number(port), hostname);
    for (const socket of [visitor, site]) {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      socket.on('error', () => undefined); // the other end is told by the pipe's end
    }
    visitor.once('close', () => site.destroy());
    site.once('close', () => visitor.destroy());
    visitor.pipe(site).pipe(visitor);
  });
  const isOpen = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port: 80, exclusive: true }, () => resolve(true));
  });
  if (!isOpen) return null;
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
