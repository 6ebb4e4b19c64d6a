/** What a daemon has to hold before it is fuzzed, and has to hold again after something was changed: tokens, secrets, an app. */
import { setTimeout as delay } from 'node:timers/promises';
import { DaemonClient, unixSocketTransport } from '../../daemon/api/client.ts';
import type { TokenRequest } from '../../daemon/contract/access.ts';
import { DomainError } from '../../daemon/contract/errors.ts';
import { Sealed } from '../../daemon/secrets/sealed.ts';
import type { Names } from './deliver.ts';
import type { Target } from './target.ts';

const APP = 'shop';
const EXPIRES_MS = 1_000;
/** Before an operation is called off, and then before its watch window is ended. */
const PATIENCE_MS = 3_000;
const SETTLED_MS_MAX = 120_000;
/** Of those that cases make. */
const OTHER_TOKENS_MAX = 50;

const LASTING: Record<'operator' | 'viewer' | 'limited' | 'spare', TokenRequest> = {
  operator: { name: 'fuzz-operator', role: 'operator' },
  viewer: { name: 'fuzz-viewer', role: 'viewer' },
  limited: { name: 'fuzz-limited', role: 'operator', apps: [APP] },
  spare: { name: 'fuzz-spare', role: 'viewer' },
};
type Lasting = keyof typeof LASTING;

export class World {
  readonly names: Names;
  readonly #target: Target;
  readonly #client: DaemonClient;
  readonly #ids = new Map<Lasting, string>();

  static async prepare(target: Target): Promise<World> {
    const world = new World(target);
    await world.#removeEarlier();
    await world.#makeEnded();
    await world.#fillSecrets();
    await world.#deploy();
    await world.settle();
    return world;
  }

  private constructor(target: Target) {
    this.#target = target;
    this.#client = new DaemonClient({ transport: unixSocketTransport(target.address.socket), token: new Sealed(target.token) });
    const tokens = {
      admin: target.token,
      operator: '',
      viewer: '',
      limited: '',
      expired: '',
      revoked: '',
      made_up: `nd_${'A'.repeat(43)}`,
      none: '',
    };
    this.names = { tokens, operation_id: 'op-000000000000', token_id: 'tok-000000000000' };
  }

  /** Waits until no operation runs, and makes again what cases have taken away. */
  async settle(): Promise<void> {
    await this.#endOperations();
    const live = (await this.#client.call('listTokens')).filter(({ state }) => state === 'live');
    const others = live.filter(({ id }) => ![...this.#ids.values()].includes(id));
    if (others.length > OTHER_TOKENS_MAX) for (const { id } of others) await this.#client.call('revokeToken', { params: { id } });
    for (const [name, request] of Object.entries(LASTING) as [Lasting, TokenRequest][]) {
      if (live.some(({ id }) => id === this.#ids.get(name))) continue;
      const { id, token } = await this.#client.call('createToken', { body: request });
      this.#ids.set(name, id);
      if (name === 'spare') this.names.token_id = id;
      else this.names.tokens[name] = token;
    }
    const isThere = this.#target.image === null || (await this.#client.call('listApps')).some(({ name }) => name === APP);
    if (isThere) return;
    await this.#removeProviders();
    await this.#deploy();
    await this.#endOperations();
  }

  close(): void {
    this.#client.close();
  }

  /** Of a run before this one against the same daemon: tokens, whose names are taken, and providers, which a deploy would ask. */
  async #removeEarlier(): Promise<void> {
    await this.#endOperations();
    const tokens = await this.#client.call('listTokens');
    for (const { id } of tokens.filter(({ state }) => state === 'live'))
      await this.#client.call('revokeToken', { params: { id } });
    await this.#removeProviders();
  }

  async #removeProviders(): Promise<void> {
    for (const { scope, project, app_name } of await this.#client.call('listSecretProviders')) {
      const query = { scope, ...(project === null ? {} : { project }), ...(app_name === null ? {} : { app_name }) };
      await this.#client.call('removeSecretProvider', { query });
    }
  }

  async #makeEnded(): Promise<void> {
    const end = new Date(Date.now() + EXPIRES_MS);
    const expired = await this.#client.call('createToken', {
      body: { name: 'fuzz-expired', role: 'admin', expires_at: end.toISOString() },
    });
    const revoked = await this.#client.call('createToken', { body: { name: 'fuzz-revoked', role: 'admin' } });
    await this.#client.call('revokeToken', { params: { id: revoked.id } });
    Object.assign(this.names.tokens, { expired: expired.token, revoked: revoked.token });
    const isLive = async () =>
      (await this.#client.call('listTokens')).some(({ id, state }) => id === expired.id && state === 'live');
    while (await isLive()) await delay(50);
  }

  async #fillSecrets(): Promise<void> {
    const secrets = { TOKEN: 'one', DATABASE_URL: 'two' };
    await this.#client.call('syncSecrets', { body: { scope: 'app', app_name: APP, secrets } });
    await this.#client.call('syncSecrets', { body: { scope: 'global', secrets } });
    const provider = { kind: 'doppler', project: 'x', config: 'y', token: 'z', endpoint: 'http://127.0.0.1:9' } as const;
    await this.#client.call('setSecretProvider', { body: { scope: 'project', project: 'blog', provider } });
  }

  /** Without Docker it fails, and leaves its operation. */
  async #deploy(): Promise<void> {
    const image = this.#target.image ?? '127.0.0.1:1/shop:v1';
    const health = { kind: 'http', path: '/api/health' } as const;
    const body = { app_name: APP, image, domain: 'shop.test', health, watch_ms: 0, drain_ms: 0 };
    const operation = await this.#client.call('deploy', { body });
    this.names.operation_id = operation.id;
  }

  async #endOperations(): Promise<void> {
    const begun = performance.now();
    for (;;) {
      const running = await this.#client.call('listOperations', { query: { state: 'running' } });
      if (running.length === 0) return;
      const waited_ms = performance.now() - begun;
      if (waited_ms > SETTLED_MS_MAX) throw new Error(`the operations ${running.map(({ id }) => id).join(', ')} do not end`);
      const ending = waited_ms > 2 * PATIENCE_MS ? 'keepRelease' : 'cancelOperation';
      for (const { id } of waited_ms > PATIENCE_MS ? running : [])
        await this.#client.call(ending, { params: { id } }).catch(unlessRefused);
      await delay(50);
    }
  }
}

/** It has ended meanwhile, or has no way back. */
function unlessRefused(error: unknown): void {
  if (!(error instanceof DomainError)) throw error;
}
