import type { DaemonHealth } from './contract/domain.ts';
import { DomainError } from './contract/errors.ts';

export interface HealthParts {
  docker: { version(signal: AbortSignal): Promise<string>; ensureNetwork(signal: AbortSignal): Promise<void> };
  proxy: { check(signal: AbortSignal): Promise<void> };
  store: { lastEventSeq(): number; checkWritable(): void };
}

/** Anybody may ask for the health; the disk is written to this often at most. */
const WRITE_CHECK_KEPT_MS = 5_000;

const DEADLINE_MS = 3_000;

/** Whether the daemon, Docker and the proxy answer, each with what was found. Never rejects. */
export function createHealthCheck({ docker, proxy, store }: HealthParts): (signal: AbortSignal) => Promise<DaemonHealth> {
  let writable = { at: Number.NEGATIVE_INFINITY, error: null as unknown };
  const checkWritable = () => {
    if (performance.now() - writable.at > WRITE_CHECK_KEPT_MS) writable = { at: performance.now(), error: failureOf(store) };
    if (writable.error !== null) throw writable.error;
  };
  return async (signal) => {
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]);
    const checks = await Promise.all([
      check('database', async () => {
        checkWritable();
        return `at event ${store.lastEventSeq()}`;
      }),
      check('docker', async () => {
        const version = await docker.version(deadline);
        await docker.ensureNetwork(deadline);
        return version;
      }),
      check('proxy', async () => {
        await proxy.check(deadline);
        return 'answers';
      }),
    ]);
    return { status: checks.every(({ ok }) => ok) ? 'ok' : 'degraded', checks };
  };
}

function failureOf(store: HealthParts['store']): unknown {
  try {
    store.checkWritable();
    return null;
  } catch (error) {
    return error;
  }
}

async function check(name: string, body: () => Promise<string>): Promise<DaemonHealth['checks'][number]> {
  try {
    return { name, ok: true, detail: await body() };
  } catch (error) {
    return { name, ok: false, detail: error instanceof DomainError ? error.message : 'does not answer' };
  }
}
