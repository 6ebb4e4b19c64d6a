/** The servers that the tests of a run share, one for each worker, with the daemon installed and the tiny images loaded; see shared-setup.ts. */
import { inject } from 'vitest';
import { DaemonClient, unixSocketTransport } from '../../daemon/api/client.ts';
import { Sealed } from '../../daemon/secrets/sealed.ts';
import { type Bed, listBeds } from './bed.ts';

/** What the run's setup provides to its workers; plain data, because it crosses a process. */
export interface SharedServer {
  bed_id: string;
  socket: string;
  token: string;
  images: { v1: string; v2: string };
}

declare module 'vitest' {
  interface ProvidedContext {
    servers: SharedServer[];
  }
}

export interface SharedBed {
  bed: Bed;
  /** Over the daemon's socket, as administrator. */
  client: DaemonClient;
  /** Tiny images on the server, see test/fixtures/images.ts. */
  images: { v1: string; v2: string };
  token: string;
}

/** The worker's server. Tests use app names of their own and remove what they deploy; one that breaks the server starts its own bed. */
export async function sharedBed(): Promise<SharedBed> {
  // From 1 to the number of workers.
  const worker = Number(process.env.VITEST_POOL_ID);
  const server = inject('servers')[worker - 1];
  if (server === undefined) throw new Error(`there is no server for worker ${process.env.VITEST_POOL_ID}`);
  const bed = (await listBeds()).find(({ id }) => id === server.bed_id);
  if (bed === undefined) throw new Error(`the shared server ${server.bed_id} is gone; a test must have stopped it`);
  const client = new DaemonClient({ transport: unixSocketTransport(server.socket), token: new Sealed(server.token) });
  return { bed, client, images: server.images, token: server.token };
}
