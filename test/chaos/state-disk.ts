/** A small disk for the daemon's state, so that it can be filled: a tmpfs in the server's memory. */
import { expectSuccess } from '../bench/server-tools.ts';
import { untilDaemonAnswers } from './stage.ts';
import type { World } from './world.ts';

export interface SmallDisk {
  /** Leaves not one byte. */
  fill(): Promise<void>;
  clear(): Promise<void>;
}

const STATE = '/var/lib/nextdeploy';
const BESIDE = '/run/nextdeploy-chaos';
const MEGABYTES = 24;

/**
 * With the state as it is now, which comes back to the old disk as it is then. The proxies are started anew, since their private view of the
 * server's mounts would not follow; there must be no app meanwhile.
 */
export async function withSmallStateDisk<T>({ stage }: World, work: (disk: SmallDisk) => Promise<T>): Promise<T> {
  const { bed } = stage;
  const proxies = 'systemctl restart caddy nginx';
  const script = (text: string) => expectSuccess(bed, ['sh', '-ec', text], { timeoutMs: 60_000 });
  await script(`systemctl stop nextdeployd; mkdir -p ${BESIDE}; mount -t tmpfs -o size=${MEGABYTES}m,mode=755 tmpfs ${BESIDE}
    cp -a ${STATE}/. ${BESIDE}; mount --move ${BESIDE} ${STATE}; ${proxies}; systemctl start nextdeployd`);
  await untilDaemonAnswers(stage);
  try {
    return await work({
      fill: async () => {
        await script(`dd if=/dev/zero of=${STATE}/filler bs=4K 2>/dev/null || true`);
      },
      clear: async () => {
        await script(`rm -f ${STATE}/filler`);
      },
    });
  } finally {
    await script(`rm -f ${STATE}/filler; systemctl stop nextdeployd; cp -a ${STATE} ${BESIDE}-copy; umount --lazy ${STATE}
      rm -rf ${STATE}/* ; cp -a ${BESIDE}-copy/. ${STATE}; rm -rf ${BESIDE}-copy ${BESIDE}; ${proxies}; systemctl start nextdeployd`);
    await untilDaemonAnswers(stage);
  }
}
