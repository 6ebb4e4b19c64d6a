/** A host's daemon over one SSH connection: found, asked for its version, and asked again until it answers. */
import { DaemonClient } from '../../daemon/api/client.ts';
import { DomainError } from '../../daemon/contract/errors.ts';
import type { DaemonState } from '../../preload/contract.ts';
import { readDaemonAccess } from './daemon-access.ts';
import type { SshConnection } from './ssh/connection.ts';
import { clean } from './ssh/failures.ts';
import { Tunnel } from './tunnel.ts';

const VERSION_MS_MAX = 10_000;

export class DaemonLink {
  readonly #ssh: SshConnection;
  readonly #onChange: () => void;
  #client: DaemonClient | null = null;
  #state: DaemonState = { kind: 'unknown' };
  #checking: Promise<void> | null = null;

  constructor(ssh: SshConnection, onChange: () => void) {
    this.#ssh = ssh;
    this.#onChange = onChange;
  }

  get state(): DaemonState {
    return this.#state;
  }

  /** Null until the server's configuration was read; there may be a client while the daemon does not answer. */
  get client(): DaemonClient | null {
    return this.#client;
  }

  /** Looks at the daemon now, and never twice at once. Does not throw: the outcome is the state. */
  check(): Promise<void> {
    return this.#once(() => this.#client);
  }

  /** As {@link check}, but reads token and socket again, which an installation may have made anew. Until then the present ones serve. */
  async refresh(): Promise<void> {
    while (this.#checking !== null) await this.#checking;
    await this.#once(() => null);
  }

  close(): void {
    this.#dropClient();
    this.#set({ kind: 'unknown' });
  }

  #once(known: () => DaemonClient | null): Promise<void> {
    this.#checking ??= this.#look(known()).finally(() => {
      this.#checking = null;
    });
    return this.#checking;
  }

  async #look(known: DaemonClient | null): Promise<void> {
    try {
      const client = known ?? (await this.#findClient());
      if (client === null) return;
      const version = await client.call('getVersion', { signal: this.#ssh.closed, timeout_ms: VERSION_MS_MAX });
      this.#set({ kind: 'ready', version });
    } catch (error) {
      if (this.#ssh.closed.aborted) return;
      if (error instanceof DomainError && error.code === 'unauthorized') this.#dropClient();
      const reason = error instanceof Error ? error.message : String(error);
      this.#set({ kind: 'unreachable', message: `${clean(reason)}.` });
    }
  }

  /** In place of the one before. Null, with the reason in the state, where none is to be had. */
  async #findClient(): Promise<DaemonClient | null> {
    const access = await readDaemonAccess(this.#ssh, this.#ssh.closed);
    this.#dropClient();
    if (access.kind === 'found') {
      this.#client = new DaemonClient({ transport: new Tunnel(this.#ssh, access.socketPath), token: access.token });
      return this.#client;
    }
    this.#set({ kind: access.kind === 'absent' ? 'absent' : 'unreachable', message: access.message });
    return null;
  }

  #dropClient(): void {
    this.#client?.close();
    this.#client = null;
  }

  #set(state: DaemonState): void {
    const isSame = JSON.stringify(state) === JSON.stringify(this.#state);
    this.#state = state;
    if (!isSame) this.#onChange();
  }
}
