/**
 * One file per app, in a directory of our own that the operator's configuration includes, so that no app's operation can carry along or
 * spoil another's route. A change is checked by the proxy itself, put in place by rename, loaded, and read back from what runs; if any
 * of that fails the file is as it was before.
 */
import { Coalescer } from './coalescer.ts';
import type { ProxyMachine } from './machine.ts';

export interface RouteFile {
  app: string;
  path: string;
  /** Null: none. */
  content: string | null;
  /** All that it serves. */
  domains: string[];
}

/** What differs between the proxies. */
export interface RouteFileProxy {
  /** Throws a DomainError when the proxy refuses its configuration with this file as the content says; nothing is in place before. */
  validate(file: RouteFile, signal: AbortSignal): Promise<void>;
  /** Makes the proxy read its files. */
  reload(signal: AbortSignal): Promise<void>;
  isRunning(signal: AbortSignal): Promise<boolean>;
  /** Between what runs and what the file says, in a few words; null: none. They differ after a crash between rename and reload. */
  differenceTo(file: RouteFile, signal: AbortSignal): Promise<string | null>;
  /** Resolves when what runs is what the file says, after a reload. Throws a DomainError when that does not come about. */
  confirm(file: RouteFile, signal: AbortSignal): Promise<void>;
}

export class RouteFiles {
  readonly #machine: ProxyMachine;
  readonly #proxy: RouteFileProxy;
  readonly #reload: Coalescer;
  /** Changes are made one after the other: each is checked together with all files that are there. */
  #last: Promise<unknown> = Promise.resolve();

  /** `stopping` ends a reload, which is no single caller's. */
  constructor(machine: ProxyMachine, proxy: RouteFileProxy, stopping: AbortSignal) {
    this.#machine = machine;
    this.#proxy = proxy;
    this.#reload = new Coalescer(() => proxy.reload(stopping));
  }

  /** Either the proxy serves what the file says when this resolves, or all is as before. */
  async apply(file: RouteFile, signal: AbortSignal): Promise<void> {
    // The files change one after the other; the reloads behind them come together.
    const previous = await this.#inTurn(() => this.#replace(file, signal));
    // Nobody serves it, and the file that a starting proxy would read is gone.
    if (file.content === null && !(await this.#proxy.isRunning(signal))) return;
    if (previous === file.content && (await this.#proxy.differenceTo(file, signal)) === null) return;
    try {
      await this.#reload.run();
      await this.#proxy.confirm(file, signal);
    } catch (error) {
      await this.#inTurn(() => this.#put(file.path, previous));
      // What runs is the configuration before, unless the reload itself went through: then this brings the old file back.
      await this.#reload.run().catch(() => undefined);
      throw error;
    }
  }

  async #replace(file: RouteFile, signal: AbortSignal): Promise<string | null> {
    const previous = await this.#machine.readText(file.path);
    if (previous === file.content) return previous;
    await this.#proxy.validate(file, signal);
    await this.#put(file.path, file.content);
    return previous;
  }

  async #put(path: string, content: string | null): Promise<void> {
    if (content === null) await this.#machine.remove(path);
    else await this.#machine.writeText(path, content);
  }

  #inTurn<T>(body: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(body, body);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
