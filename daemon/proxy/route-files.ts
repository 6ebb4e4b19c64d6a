/**
 * Files of our own that the operator's configuration takes in. A change is checked by the proxy itself, put in place by rename, loaded, and
 * read back from what runs; if any of that fails the app's part of its file is as it was before, whatever other apps have changed since.
 */
import { DomainError } from '../contract/errors.ts';
import { Coalescer } from './coalescer.ts';
import type { ProxyMachine } from './machine.ts';

export interface RouteChange {
  app: string;
  /** What its file is to say about the app; null: nothing. */
  part: string | null;
  /** All that the app serves. */
  domains: string[];
  /** A file that the part refers to by a name that no other content has; not given: none. */
  companion?: Companion | null;
}

export interface Companion {
  path: string;
  content: string;
}

/** What differs between the proxies. A text or a part is null where there is none. */
export interface RouteFileProxy {
  pathOf(app: string): string;
  /** False for a file that the operator has put where ours would be: nothing is read from it, and it is never written or removed. */
  isOurs(text: string): boolean;
  partOf(text: string | null, app: string): string | null;
  /** The text with another part for this app. */
  withPart(text: string | null, app: string, part: string | null): string | null;
  /** The app's own file of an earlier layout, which its first change takes away; null: none. */
  findFormer(app: string): Promise<FormerFile | null>;
  /**
   * Throws a DomainError when the proxy refuses its configuration with this text in the app's file, and without its former one; nothing is
   * in place before.
   */
  validate(text: string | null, change: RouteChange, signal: AbortSignal): Promise<void>;
  /** Whole or not at all. */
  write(path: string, text: string): Promise<void>;
  /** Puts a change's companion there, before the file that refers to it. */
  writeCompanion(companion: Companion, signal: AbortSignal): Promise<void>;
  /** Takes away those companions of the app that its file, which says this, does not refer to. */
  removeCompanions(app: string, text: string | null): Promise<void>;
  /** Makes the proxy read its files. */
  reload(signal: AbortSignal): Promise<void>;
  isRunning(signal: AbortSignal): Promise<boolean>;
  /** Between what runs and the part, in a few words; null: none. They differ after a crash between rename and reload. */
  differenceTo(change: RouteChange, signal: AbortSignal): Promise<string | null>;
  /** Resolves when the part runs, after a reload. Throws a DomainError when that does not come about. */
  confirm(change: RouteChange, signal: AbortSignal): Promise<void>;
}

export interface FormerFile {
  path: string;
  text: string;
}

/** Of an app while changes of it are under way: what to go back to, which none of them has shown to run yet. */
interface Pending {
  good: string | null;
  former: FormerFile | null;
  count: number;
}

/** Of a file: as it is, and as it is to be. */
interface Texts {
  text: string | null;
  next: string | null;
}

interface Replaced extends Texts {
  isChanged: boolean;
  pending: Pending;
}

export class RouteFiles {
  readonly #machine: ProxyMachine;
  readonly #proxy: RouteFileProxy;
  readonly #reload: Coalescer;
  readonly #pending = new Map<string, Pending>();
  /** Changes are made one after the other: each is checked together with all files that are there. */
  #last: Promise<unknown> = Promise.resolve();

  /** `stopping` ends a reload, which is no single caller's. */
  constructor(machine: ProxyMachine, proxy: RouteFileProxy, stopping: AbortSignal) {
    this.#machine = machine;
    this.#proxy = proxy;
    this.#reload = new Coalescer(() => proxy.reload(stopping));
  }

  /** Throws a DomainError when the change would be refused; asks the proxy only if it is one. */
  check(change: RouteChange, signal: AbortSignal): Promise<void> {
    const { app, part } = change;
    return this.#inTurn(async () => {
      signal.throwIfAborted();
      const { text, next } = await this.#textsOf(app, part);
      if (this.#partOf(text, app) !== part) await this.#proxy.validate(next, change, signal);
    });
  }

  /** Either the proxy serves what the part says when this resolves, or all is as before. */
  async apply(change: RouteChange, signal: AbortSignal): Promise<void> {
    const { app, part } = change;
    // The files change one after the other; the reloads behind them come together.
    const replaced = await this.#inTurn(() => this.#replace(change, signal));
    const { isChanged, pending } = replaced;
    let goingBack: Promise<void> | null = null;
    const goBack = () => (goingBack ??= isChanged ? this.#goBack(change, replaced) : Promise.resolve());
    try {
      // Nobody serves it, and what a starting proxy would read of it is gone.
      if (part === null && !(await this.#proxy.isRunning(signal))) return;
      if (!isChanged && (await this.#proxy.differenceTo(change, signal)) === null) return;
      await this.#reload.run(goBack);
      await this.#proxy.confirm(change, signal);
      pending.good = part;
      pending.former = null;
    } catch (error) {
      await goBack();
      // What runs is the configuration before, unless the reload itself went through: then this brings the old route back.
      if (isChanged) await this.#reload.run().catch(() => undefined);
      throw error;
    } finally {
      pending.count -= 1;
      if (pending.count === 0) {
        this.#pending.delete(app);
        // What is left is taken away with the next change.
        await this.#inTurn(() => this.#tidy(app)).catch(() => undefined);
      }
    }
  }

  /** Shared with whoever else wants one that has not begun. */
  reload(): Promise<void> {
    return this.#reload.run();
  }

  async #replace(change: RouteChange, signal: AbortSignal): Promise<Replaced> {
    const { app, part } = change;
    const { path, text, next } = await this.#textsOf(app, part);
    const former = await this.#proxy.findFormer(app);
    const isChanged = text !== next || former !== null;
    const writeCompanion = async () => change.companion && this.#proxy.writeCompanion(change.companion, signal);
    if (!isChanged) await writeCompanion();
    if (isChanged) {
      // What is taken from a proxy that does not run harms no site, and one that was uninstalled could not judge it.
      const isJudged = part !== null || (await this.#proxy.isRunning(signal));
      if (isJudged) await this.#proxy.validate(next, change, signal);
      await writeCompanion();
      // First: the two side by side would keep the proxy from starting.
      if (former !== null) await this.#machine.remove(former.path);
      await this.#put(path, next);
    }
    const good = this.#partOf(text, app);
    const pending = this.#pending.get(app) ?? { good, former: good === null ? former : null, count: 0 };
    pending.count += 1;
    this.#pending.set(app, pending);
    return { text, next, isChanged, pending };
  }

  async #goBack({ app, part }: RouteChange, replaced: Replaced): Promise<void> {
    const { good, former } = replaced.pending;
    await this.#inTurn(async () => {
      const { path, text, next } = await this.#textsOf(app, good);
      // A later change of the app may have put its own part there since.
      if (this.#partOf(text, app) !== part) return;
      const isAlone = text === replaced.next && this.#partOf(replaced.text, app) === good;
      await this.#put(path, isAlone ? replaced.text : next);
      if (former !== null) await this.#put(former.path, former.text);
    });
  }

  async #tidy(app: string): Promise<void> {
    // One that waits for its turn has a companion of its own.
    if (this.#pending.has(app)) return;
    await this.#proxy.removeCompanions(app, await this.#machine.readText(this.#proxy.pathOf(app)));
  }

  /** Throws a DomainError where the part would have to replace what is not ours. */
  async #textsOf(app: string, part: string | null): Promise<Texts & { path: string }> {
    const path = this.#proxy.pathOf(app);
    const text = await this.#machine.readText(path);
    if (text === null || this.#proxy.isOurs(text)) return { path, text, next: this.#proxy.withPart(text, app, part) };
    if (part === null) return { path, text, next: text };
    const message = `The file ${path} is in the way of the route, and NextDeploy has not written it; rename it, or move it elsewhere.`;
    throw new DomainError('conflict', message);
  }

  #partOf(text: string | null, app: string): string | null {
    return text === null || this.#proxy.isOurs(text) ? this.#proxy.partOf(text, app) : null;
  }

  async #put(path: string, text: string | null): Promise<void> {
    if (text === null) await this.#machine.remove(path);
    else await this.#proxy.write(path, text);
  }

  #inTurn<T>(body: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(body, body);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
