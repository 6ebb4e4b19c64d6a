/** The console's hosts: what is stored of them, and the session of each. */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { DomainError } from '../../daemon/contract/errors.ts';
import { type Host, type HostInput, hostInputSchema } from '../../preload/contract.ts';
import { HOSTS_MAX, hostsFile, type StoredHost } from './host-store.ts';
import { KnownHostsFile } from './known-hosts/known-hosts-file.ts';
import type { CoreLog } from './log.ts';
import type { SecretStore } from './secret-store.ts';
import { Semaphore } from './semaphore.ts';
import { HostSession } from './session.ts';
import type { Credentials } from './ssh/credentials.ts';

export interface HostsOptions {
  dataDirectory: string;
  knownHostsFile: string;
  secrets: SecretStore;
  log: CoreLog;
}

/** Every host may wait, as long as all of them before it take to fail. */
const HANDSHAKE_BOUNDS = { waiting_max: HOSTS_MAX * 2, waiting_ms_max: 10 * 60_000 } as const;

interface Entry {
  stored: StoredHost;
  session: HostSession;
}

export class Hosts {
  readonly #options: HostsOptions;
  readonly #file: ReturnType<typeof hostsFile>;
  readonly #knownHosts: KnownHostsFile;
  readonly #entries = new Map<string, Entry>();
  readonly #watchers = new Set<() => void>();
  readonly #handshakes = new Semaphore(
    HANDSHAKE_BOUNDS,
    () => new DomainError('unavailable', 'Too many hosts are connecting; try again.'),
  );

  private constructor(options: HostsOptions) {
    this.#options = options;
    this.#file = hostsFile(options.dataDirectory);
    this.#knownHosts = new KnownHostsFile(options.knownHostsFile);
  }

  /** Reads the stored hosts; none is connected yet. Throws when the file is damaged. */
  static async open(options: HostsOptions): Promise<Hosts> {
    const hosts = new Hosts(options);
    for (const stored of (await hosts.#file.read()).hosts) hosts.#put(stored);
    return hosts;
  }

  list(): Host[] {
    return [...this.#entries.values()].map(view);
  }

  get(id: string): Host {
    return view(this.#entry(id));
  }

  async add(input: HostInput): Promise<Host> {
    const given = parseHost(input);
    if (this.#entries.size >= HOSTS_MAX)
      throw new DomainError('conflict', `The list holds ${HOSTS_MAX} hosts at most; remove some.`);
    this.#refuseTwin(given, null);
    const entry = this.#put({ id: `h-${randomBytes(6).toString('hex')}`, ...given });
    await this.#save();
    return view(entry);
  }

  /** Changes what is stored. A change of where or how to connect ends the present connection. */
  async update(id: string, changes: HostInput): Promise<Host> {
    const before = this.#entry(id);
    const stored: StoredHost = { id, ...parseHost(changes) };
    this.#refuseTwin(stored, id);
    if (isSameLogin(before.stored, stored)) {
      Object.assign(before.stored, stored);
    } else {
      before.session.disconnect();
      await this.#options.secrets.forget(id);
      this.#put(stored);
    }
    await this.#save();
    return this.get(id);
  }

  /** Forgets the host and its credentials here. */
  async remove(id: string): Promise<void> {
    this.#entry(id).session.disconnect();
    this.#entries.delete(id);
    await this.#options.secrets.forget(id);
    await this.#save();
  }

  async connect(id: string, credentials: Credentials = {}): Promise<Host> {
    await this.session(id).connect(credentials);
    return this.get(id);
  }

  disconnect(id: string): Host {
    this.session(id).disconnect();
    return this.get(id);
  }

  async trust(id: string, sha256: string): Promise<Host> {
    await this.session(id).trust(sha256);
    return this.get(id);
  }

  /** @throws DomainError `not_found` */
  session(id: string): HostSession {
    return this.#entry(id).session;
  }

  /** Calls `listener` after every change of any host. Returns how to stop. */
  watch(listener: () => void): () => void {
    this.#watchers.add(listener);
    return () => this.#watchers.delete(listener);
  }

  close(): void {
    for (const { session } of this.#entries.values()) session.disconnect();
    this.#watchers.clear();
  }

  #put(stored: StoredHost): Entry {
    const { secrets, log } = this.#options;
    const session = new HostSession({
      host: stored,
      knownHosts: this.#knownHosts,
      secrets,
      log,
      handshakes: this.#handshakes,
      onChange: () => this.#changed(),
    });
    const entry = { stored, session };
    this.#entries.set(stored.id, entry);
    return entry;
  }

  #entry(id: string): Entry {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new DomainError('not_found', 'This host is not in the list any more.');
    return entry;
  }

  #refuseTwin(given: Omit<StoredHost, 'id'>, own: string | null): void {
    const twin = [...this.#entries.values()].find(({ stored }) => stored.id !== own && isSamePlace(stored, given));
    if (twin !== undefined)
      throw new DomainError('conflict', `${twin.stored.name} is this host already: same address, port and user.`);
  }

  async #save(): Promise<void> {
    await this.#file.write({ version: 1, hosts: [...this.#entries.values()].map(({ stored }) => stored) });
    this.#changed();
  }

  #changed(): void {
    for (const watcher of this.#watchers) watcher();
  }
}

function view({ stored, session }: Entry): Host {
  return { ...stored, connection: session.connection, daemon: session.daemon };
}

function parseHost(input: HostInput): z.output<typeof hostInputSchema> {
  const parsed = hostInputSchema.safeParse(input);
  if (parsed.success) return parsed.data;
  const details = parsed.error.issues.map((issue) => ({ field: issue.path.join('.'), message: issue.message }));
  throw new DomainError('invalid_request', z.prettifyError(parsed.error), { details });
}

type Place = Pick<StoredHost, 'address' | 'port' | 'user'>;

function isSamePlace(a: Place, b: Place): boolean {
  return a.address.toLowerCase() === b.address.toLowerCase() && a.port === b.port && a.user === b.user;
}

function isSameLogin(a: StoredHost, b: StoredHost): boolean {
  return isSamePlace(a, b) && JSON.stringify(a.auth) === JSON.stringify(b.auth);
}
