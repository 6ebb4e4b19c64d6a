import { Socket } from 'node:net';

/**
 * A TCP socket that sends at once (no Nagle: it costs 40 ms a request, FACTS "SSH in Node"), but whatever is written within one turn of
 * the event loop in one system call: ssh2 writes each packet of 32 KiB, and without its native addon each part of a packet, by itself.
 */
export function createGatheringSocket(): Socket {
  const socket = new Socket();
  socket.setNoDelay(true);
  const write = socket.write.bind(socket);
  let isGathering = false;
  const gather: typeof write = (...args: Parameters<typeof write>) => {
    if (!isGathering) {
      isGathering = true;
      socket.cork();
      process.nextTick(() => {
        isGathering = false;
        socket.uncork();
      });
    }
    return write(...args);
  };
  // Every overload is passed on as it came.
  socket.write = gather as Socket['write'];
  return socket;
}
