/**
 * Makes nginx serve routes. nginx itself checks a candidate within the operator's whole configuration, in a mount namespace of its own in
 * which a copy of our directory stands in the place of the real one: every path, include and relative name is as it will be, and nobody
 * who reloads or starts nginx meanwhile meets the candidate.
 */
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DomainError } from '../../contract/errors.ts';
import type { RefusedRoute, ReverseProxy } from '../../engine/ports.ts';
import type { RouteModel } from '../../engine/state.ts';
import type { CertificateSettings } from '../certificates.ts';
import { readApp, readGeneration } from '../generation.ts';
import type { ProxyMachine } from '../machine.ts';
import { domainsOf, fileStem } from '../route.ts';
import { type Companion, type RouteChange, RouteFiles } from '../route-files.ts';
import { findLostDefault, findWorkerGroup, isRead } from './foreign.ts';
import { findDifference, STATUS_ADDRESS, statusName } from './readback.ts';
import { hasHttp2Directive, type NginxFeatures, passwordFileOf, renderNginx } from './render.ts';

export interface NginxMachine extends ProxyMachine {
  has_ipv6: boolean;
  /** Calls `body` with a directory that is as `directory` would be with this file (null: without it); gone afterwards. One at a time. */
  withCandidate<T>(directory: string, candidate: Candidate, body: (path: string) => Promise<T>): Promise<T>;
  /** A directory within `directory` that has this file alone; it stays. */
  makeMark(directory: string, mark: { name: string; content: string }): Promise<string>;
  /** What is answered over HTTP, on a new connection; null when nothing accepts it. */
  ask(target: { host: string; port: number; name: string }, signal: AbortSignal): Promise<string | null>;
}

export interface Candidate {
  name: string;
  content: string | null;
  /** Of the files that count. */
  suffix: string;
}

export interface NginxSettings {
  /** Ours; the operator's configuration includes `*.conf` of it in its http context. */
  directory: string;
  /** The systemd unit. */
  service: string;
  http_port: number;
  https_port: number;
  certificates: CertificateSettings;
  /** From a reload until the new workers serve; {@link CONFIRM_MS_MAX} if not given. */
  confirm_ms_max?: number;
}

const DEADLINE_MS = 30_000;
/** A second one, which brings the old file back, fits into the step's time as well. */
const RELOAD_DEADLINE_MS = 20_000;
/** nginx itself retries for 2.5 s where an address is in use. */
const CONFIRM_MS_MAX = 15_000;
const CONFIRM_PAUSE_MS = 20;
/** nginx lets old and new workers accept side by side for 100 ms before it ends the old ones. */
const CONFIRM_STEADY_MS = 200;
const INCLUDED_KEPT_MS = 5_000;
const DUMP_CHARACTERS_MAX = 16 * 1024 * 1024;
const SUFFIX = '.conf';
/** Not the name of an app. */
const MARK = { name: `0-included${SUFFIX}`, content: '# NextDeploy looks whether nginx reads this directory.\n' };

export class NginxDriver implements ReverseProxy {
  readonly #settings: NginxSettings;
  readonly #machine: NginxMachine;
  readonly #files: RouteFiles;
  #includedAt = Number.NEGATIVE_INFINITY;
  #hasHttp2: boolean | null = null;

  /** `stopping` ends a reload, which is no single caller's. */
  constructor(settings: NginxSettings, machine: NginxMachine, stopping: AbortSignal) {
    this.#settings = settings;
    this.#machine = machine;
    this.#files = new RouteFiles(
      machine,
      {
        // One file per app.
        pathOf: (app) => this.#pathOf(app),
        isOurs: (text) => readGeneration(text) !== null,
        partOf: (text) => text,
        withPart: (_, __, part) => part,
        findFormer: async () => null,
        validate: (_, change, signal) => this.#validate(change, signal),
        write: (path, text) => machine.writeText(path, text),
        writeCompanion: (companion, signal) => this.#writePasswords(companion, signal),
        removeCompanions: (app, text) => this.#removePasswords(app, text),
        reload: (signal) => this.#reload(signal),
        isRunning: (signal) => this.#isRunning(signal),
        differenceTo: (change, signal) => this.#differenceTo(change, signal),
        confirm: (change, signal) => this.#confirm(change, signal),
      },
      stopping,
    );
  }

  async check(signal: AbortSignal, route: RouteModel | null = null): Promise<void> {
    const change = route === null ? null : await this.#changeTo(route.app_name, route, signal);
    await this.#checkServing(signal);
    if (change !== null) await this.#files.check(change, signal);
  }

  async #checkServing(signal: AbortSignal): Promise<void> {
    const first = await this.#findApp();
    // An answer proves both that nginx runs and that it reads our files.
    if (first !== undefined && (await this.#ask(first, signal))?.startsWith(`${first} `)) return;
    if (!(await this.#isRunning(signal))) throw this.#stopped();
    await this.#checkIncluded(signal);
  }

  #stopped(): DomainError {
    return new DomainError('unavailable', `nginx does not run; start it with \`systemctl start ${this.#settings.service}\`.`);
  }

  async #features(signal: AbortSignal): Promise<NginxFeatures> {
    this.#hasHttp2 ??= hasHttp2Directive(await this.version(signal));
    return { ...this.#settings, has_ipv6: this.#machine.has_ipv6, has_http2: this.#hasHttp2 };
  }

  async checkRemoval(signal: AbortSignal): Promise<void> {
    if (await this.#isRunning(signal)) await this.check(signal);
  }

  async version(signal: AbortSignal): Promise<string> {
    const { code, output } = await this.#machine.run('nginx', ['-v'], { signal, deadlineMs: DEADLINE_MS });
    if (code !== 0) throw new DomainError('unavailable', 'nginx is not installed on this host; install the package nginx.');
    return /nginx\/(\S+)/.exec(output)?.[1] ?? output.trim();
  }

  async apply(app: string, route: RouteModel | null, signal: AbortSignal): Promise<void> {
    await this.#files.apply(await this.#changeTo(app, route, signal), signal);
  }

  async #changeTo(app: string, route: RouteModel | null, signal: AbortSignal): Promise<RouteChange> {
    if (route === null) return { app, part: null, domains: [] };
    const part = renderNginx(route, await this.#features(signal));
    const passwords = passwordFileOf(route);
    const companion = passwords && { path: join(this.#settings.directory, passwords.name), content: passwords.content };
    return { app, part, domains: domainsOf(route), companion };
  }

  #pathOf(app: string): string {
    return join(this.#settings.directory, `${fileStem(app)}${SUFFIX}`);
  }

  /** The workers read it at each request that brings a password, so it is there before nginx is told of it. */
  async #writePasswords({ path, content }: Companion, signal: AbortSignal): Promise<void> {
    const options = { asService: true, signal, deadlineMs: DEADLINE_MS, outputCharactersMax: DUMP_CHARACTERS_MAX };
    const [{ output: dump }, { output: build }] = [
      await this.#machine.run('nginx', ['-T'], options),
      await this.#machine.run('nginx', ['-V'], { signal, deadlineMs: DEADLINE_MS }),
    ];
    await this.#machine.writeText(path, content, { group: findWorkerGroup(dump, build) });
  }

  async #removePasswords(app: string, text: string | null): Promise<void> {
    const stem = `${fileStem(app)}.`;
    const isOurs = (name: string) => name.startsWith(stem) && /^[a-f0-9]{16}\.htpasswd$/.test(name.slice(stem.length));
    const left = (await this.#listFiles()).filter((name) => isOurs(name) && text?.includes(name) !== true);
    for (const name of left) await this.#machine.remove(join(this.#settings.directory, name));
  }

  async #validate({ app, part, domains }: RouteChange, signal: AbortSignal): Promise<void> {
    const { directory } = this.#settings;
    if (part !== null) await this.#keepDefaults(part, signal);
    const path = this.#pathOf(app);
    const candidate = { name: basename(path), content: part, suffix: SUFFIX };
    const { code, output } = await this.#machine.withCandidate(directory, candidate, (staged) =>
      this.#runSeeing(staged, ['-T'], signal),
    );
    if (code !== 0) {
      const message = `nginx refuses its configuration with this change: ${lastError(output)}. Nothing was changed.`;
      throw new DomainError('unprocessable', message, { cause: output });
    }
    // Else a reload would take all our routes away.
    if (part !== null && !isRead(output, path)) throw this.#unread();
    const domain = domains.find((name) => output.includes(`conflicting server name "${name}" on `));
    if (domain === undefined) return;
    const message = `Another site of nginx serves ${domain} already; \`nginx -T\` shows it. Nothing was changed.`;
    throw new DomainError('unprocessable', message, { details: { domain } satisfies RefusedRoute });
  }

  /** The first of our sites must not become the one that answers unknown names in place of the operator's. */
  async #keepDefaults(part: string, signal: AbortSignal): Promise<void> {
    const { directory, http_port, https_port } = this.#settings;
    const listens = (text: string, port: number) => new RegExp(`^\\tlisten ${port}(?: ssl)?;$`, 'm').test(text);
    let ports = [http_port, https_port].filter((port) => listens(part, port));
    for await (const { text } of this.#ownFiles()) {
      ports = ports.filter((port) => !listens(text, port));
      if (ports.length === 0) return;
    }
    const foreign = await this.#foreignConfiguration(signal);
    for (const port of ports) {
      const file = findLostDefault(foreign, join(directory, MARK.name), port);
      if (file === null) continue;
      const message = `A site in ${file} answers for unknown names on port ${port} only because it is read first, and would not any more; add \`default_server\` to its \`listen\` lines.`;
      throw new DomainError('unprocessable', message);
    }
  }

  /** Anybody may ask for the health; nginx is asked this often at most. */
  async #checkIncluded(signal: AbortSignal): Promise<void> {
    const now = performance.now();
    if (now - this.#includedAt < INCLUDED_KEPT_MS) return;
    await this.#foreignConfiguration(signal);
    this.#includedAt = now;
  }

  /** As nginx reads it, with nothing of ours but a mark. Throws when it does not read our directory. */
  async #foreignConfiguration(signal: AbortSignal): Promise<string> {
    const { directory } = this.#settings;
    const mark = await this.#machine.makeMark(directory, MARK);
    const { code, output } = await this.#runSeeing(mark, ['-T'], signal);
    if (code !== 0) {
      const message = `nginx refuses its configuration: ${lastError(output)}; correct it first.`;
      throw new DomainError('unavailable', message, { cause: output });
    }
    if (isRead(output, join(directory, MARK.name))) return output;
    throw this.#unread();
  }

  #unread(): DomainError {
    const line = `include ${this.#settings.directory}/*${SUFFIX};`;
    const message = `nginx does not read the routes of NextDeploy; write the line \`${line}\` to a file that its http block includes, such as /etc/nginx/conf.d/nextdeploy.conf.`;
    return new DomainError('unavailable', message);
  }

  #runSeeing(directory: string, args: string[], signal: AbortSignal) {
    const sees = { directory, at: this.#settings.directory };
    const options = { asService: true, sees, signal, deadlineMs: DEADLINE_MS, outputCharactersMax: DUMP_CHARACTERS_MAX };
    return this.#machine.run('nginx', args, options);
  }

  async #reload(signal: AbortSignal): Promise<void> {
    const { service } = this.#settings;
    const options = { signal, deadlineMs: RELOAD_DEADLINE_MS };
    const { code, output } = await this.#machine.run('systemctl', ['reload', service], options);
    if (code === 0) return;
    const message = `nginx could not be reloaded (${lastError(output)}); see \`journalctl -u ${service}\`.`;
    throw new DomainError('unavailable', message, { cause: output });
  }

  async #isRunning(signal: AbortSignal): Promise<boolean> {
    const options = { signal, deadlineMs: DEADLINE_MS };
    const { code } = await this.#machine.run('systemctl', ['is-active', '--quiet', this.#settings.service], options);
    return code === 0;
  }

  /** A reload has only begun when systemd has made it: the new workers tell when they serve. */
  async #confirm(change: RouteChange, signal: AbortSignal): Promise<void> {
    const { confirm_ms_max = CONFIRM_MS_MAX } = this.#settings;
    const deadline = performance.now() + confirm_ms_max;
    let since: number | null = null;
    for (;;) {
      const difference = await this.#differenceTo(change, signal);
      const now = performance.now();
      since = difference === null ? (since ?? now) : null;
      if (since !== null && now - since >= CONFIRM_STEADY_MS) return;
      if (since === null && now >= deadline) throw this.#unconfirmed(difference);
      await sleep(CONFIRM_PAUSE_MS, undefined, { signal });
    }
  }

  #unconfirmed(difference: string | null): DomainError {
    const { service } = this.#settings;
    const message = `nginx was reloaded, but ${difference} in time; see \`journalctl -u ${service}\` and nginx's error log, such as /var/log/nginx/error.log.`;
    return new DomainError('unavailable', message);
  }

  async #differenceTo({ app, part }: RouteChange, signal: AbortSignal): Promise<string | null> {
    return findDifference(await this.#ask(app, signal), app, part === null ? null : (readGeneration(part) ?? ''));
  }

  #ask(app: string, signal: AbortSignal): Promise<string | null> {
    const { http_port } = this.#settings;
    return this.#machine.ask({ host: STATUS_ADDRESS, port: http_port, name: statusName(app) }, signal);
  }

  async differences(routes: readonly RouteModel[], signal: AbortSignal): Promise<(string | null)[]> {
    if (!(await this.#isRunning(signal))) throw this.#stopped();
    const differences: (string | null)[] = [];
    for (const route of routes) {
      const change = await this.#changeTo(route.app_name, route, signal);
      differences.push(await this.#differenceTo(change, signal));
    }
    return differences;
  }

  /**
   * Makes nginx read the files of its certificates anew, together with whatever else is to be loaded. Resolves when nginx has begun to;
   * throws a DomainError when it refuses them, and goes on with those it has.
   */
  async reloadCertificates(signal: AbortSignal): Promise<void> {
    const options = { asService: true, signal, deadlineMs: DEADLINE_MS };
    const { code, output } = await this.#machine.run('nginx', ['-t'], options);
    if (code !== 0) {
      const message = `nginx refuses its configuration: ${lastError(output)}; correct it first.`;
      throw new DomainError('unavailable', message, { cause: output });
    }
    await this.#files.reload();
  }

  async listApps(): Promise<string[]> {
    const apps: string[] = [];
    for await (const { app } of this.#ownFiles()) apps.push(app);
    return apps;
  }

  async #findApp(): Promise<string | undefined> {
    for await (const { app } of this.#ownFiles()) return app;
    return undefined;
  }

  /** Those whose file is ours: an operator may have put one of his own beside them, under what could be the name of an app. */
  async *#ownFiles(): AsyncGenerator<{ app: string; text: string }> {
    const { directory } = this.#settings;
    for (const name of await this.#listFiles()) {
      const path = join(directory, name);
      const text = name.endsWith(SUFFIX) ? await this.#machine.readText(path) : null;
      const app = text === null ? null : readApp(text);
      if (text !== null && app !== null && this.#pathOf(app) === path) yield { app, text };
    }
  }

  async #listFiles(): Promise<string[]> {
    const { directory } = this.#settings;
    try {
      return await this.#machine.listFiles(directory);
    } catch (cause) {
      const message = `There is no directory ${directory}; make it, and have nginx include \`${directory}/*${SUFFIX}\`.`;
      throw new DomainError('unavailable', message, { cause });
    }
  }
}

/** The part of nginx's or systemd's output that says what is wrong. */
function lastError(output: string): string {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const line = lines.find((candidate) => /\[(emerg|alert|crit)\]/.test(candidate)) ?? lines.at(-1) ?? 'no output';
  return line.replace(/^nginx: (\[\w+\] )?/, '').slice(0, 300);
}
