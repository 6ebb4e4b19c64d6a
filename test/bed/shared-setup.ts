/** vitest's global setup for tests on servers: one for each worker and the whole run, removed at its end or by the next run's sweep. */
import { Readable } from 'node:stream';
import type { TestProject } from 'vitest/node';
import { DaemonClient, unixSocketTransport } from '../../daemon/api/client.ts';
import { Sealed } from '../../daemon/secrets/sealed.ts';
import { buildTinyImages, saveImage } from '../fixtures/images.ts';
import { type Bed, startBed } from './bed.ts';
import { acquireEngine } from './engine.ts';
import { installDaemon } from './install-daemon.ts';
import { keepImages } from './keep-images.ts';
import type { SharedServer } from './shared.ts';

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const beds: Bed[] = [];
  const takeDown = async () => void (await Promise.all(beds.map((bed) => bed.stop())));
  try {
    // One after the other: what the first builds and caches the next finds there.
    const servers: SharedServer[] = [];
    while (servers.length < project.config.maxWorkers) servers.push(await startServer(beds));
    project.provide('servers', servers);
  } catch (error) {
    await takeDown();
    throw error;
  }
  return takeDown;
}

async function startServer(beds: Bed[]): Promise<SharedServer> {
  const onProgress = (line: string) => console.log(`  ${line}`);
  const bed = await startBed({ label: 'tests', proxies: 'both', onProgress });
  beds.push(bed);
  const { socket, token } = await installDaemon(bed);
  const images = await loadTinyImages(socket, token);
  await keepImages(bed, [images.v1, images.v2]);
  return { bed_id: bed.id, socket, token, images };
}

async function loadTinyImages(socket: string, token: string): Promise<{ v1: string; v2: string }> {
  const client = new DaemonClient({ transport: unixSocketTransport(socket), token: new Sealed(token) });
  const engine = await acquireEngine({ label: 'test images' });
  try {
    const images = await buildTinyImages(engine);
    for (const image of [images.v1, images.v2]) {
      await client.upload('loadImages', Readable.from(await saveImage(engine, image)));
    }
    return images;
  } finally {
    client.close();
    await engine.release();
  }
}
