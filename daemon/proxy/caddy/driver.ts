/**
 * Makes Caddy serve routes: one file per app in a directory of our own, so that no app's operation can carry along or spoil another's
 * route. A change is rendered, checked by Caddy itself within the operator's whole configuration, put in place by rename, loaded, read
 * back over the admin API; if any of that fails the file is as it was before.
 */
import { basename, dirname, join } from 'node:path';
import { DomainError } from '../../contract/errors.ts';
import type { ReverseProxy } from '../../engine/ports.ts';
import type { RouteModel } from '../../engine/state.ts';
import { Coalescer } from './coalescer.ts';
import { findDifference, findLeftover } from './readback.ts';
import { type CaddyFeatures, renderCaddyfile } from './render.ts';

/** The parts of the machine that the driver needs. */
export interface CaddyMachine {
  readText(path: string): Promise<string | null>;
  /** Whole or not at all, 0644. */
  writeText(path: string, content: string): Promise<void>;
  remove(path: string): Promise<void>;
  listFiles(directory: string): Promise<string[]>;
  run(
    file: string,
    args: readonly string[],
    options: { input?: string; cwd?: string; asCaddy?: boolean; signal: AbortSignal; deadlineMs: number },
  ): Promise<{ code: number | null; output: string }>;
  /** The running configuration; null when nothing listens at the admin address. Rejects when what listens does not answer. */
  readConfig(signal: AbortSignal): Promise<unknown>;
}

export interface CaddySettings {
  /** Ours; the operator's Caddyfile imports `*.caddy` of it. */
  directory: string;
  caddyfile: string;
  /** Where the markers are; each app's directory is named after it. */
  slots_directory: string;
  /** The systemd unit. */
  service: string;
}

const DEADLINE_MS = 30_000;
/** A second one, which brings the old file back, fits into the step's time as well. */
const RELOAD_DEADLINE_MS = 20_000;
const SUFFIX = '.caddy';

export class CaddyDriver implements ReverseProxy {
  readonly #settings: CaddySettings;
  readonly #machine: CaddyMachine;
  readonly #reload: Coalescer;
  #features: CaddyFeatures | null = null;
  /** Changes are made one after the other: each is checked together with all files that are there. */
  #last: Promise<unknown> = Promise.resolve();

  /** `stopping` ends a reload, which is no single caller's. */
  constructor(settings: CaddySettings, machine: CaddyMachine, stopping: AbortSignal) {
    this.#settings = settings;
    this.#machine = machine;
    this.#reload = new Coalescer(() => this.#reloadNow(stopping));
  }

  async check(signal: AbortSignal): Promise<void> {
    await this.#mainFile();
    await this.#runningConfig(signal);
  }

  async version(signal: AbortSignal): Promise<string> {
    const { code, output } = await this.#machine.run('caddy', ['version'], { signal, deadlineMs: DEADLINE_MS });
    if (code !== 0) throw new DomainError('unavailable', 'Caddy is not installed on this host; install the package caddy.');
    return /^v?(\S+)/.exec(output)?.[1] ?? output.trim();
  }

  async apply(app: string, route: RouteModel | null, signal: AbortSignal): Promise<void> {
    const path = join(this.#settings.directory, `${app}${SUFFIX}`);
    const content = route === null ? null : renderCaddyfile(route, await this.#detectFeatures(signal));
    // The files change one after the other; the reloads behind them come together.
    const previous = await this.#inTurn(() => this.#replace(path, content, signal));
    // Nobody serves it, and the file that a starting Caddy would read is gone.
    if (route === null && (await this.#findConfig(signal)) === null) return;
    if (previous === content && (await this.#differenceTo(app, route, signal)) === null) return;
    try {
      await this.#reload.run();
      await this.#readBack(app, route, signal);
    } catch (error) {
      await this.#inTurn(() => this.#put(path, previous));
      // What runs is the configuration before, unless the reload itself went through: then this brings the old file back.
      await this.#reload.run().catch(() => undefined);
      throw error;
    }
  }

  async #replace(path: string, content: string | null, signal: AbortSignal): Promise<string | null> {
    const previous = await this.#machine.readText(path);
    if (previous === content) return previous;
    await this.#validate(path, content, signal);
    await this.#put(path, content);
    return previous;
  }

  async #put(path: string, content: string | null): Promise<void> {
    if (content === null) await this.#machine.remove(path);
    else await this.#machine.writeText(path, content);
  }

  /** Asks Caddy about the operator's file with our files put in where it imports them: the candidate needs no place on the disk. */
  async #validate(path: string, content: string | null, signal: AbortSignal): Promise<void> {
    const { directory, caddyfile } = this.#settings;
    const main = await this.#mainFile();
    const names = (await this.#machine.listFiles(directory)).filter((name) => name.endsWith(SUFFIX) && !name.startsWith('.'));
    const others = names.filter((name) => name !== basename(path)).toSorted((a, b) => a.localeCompare(b));
    const texts = await Promise.all(others.map((name) => this.#machine.readText(join(directory, name))));
    const ours = [...texts, content].filter((text) => text !== null).join('\n');
    const input = main.replace(importLine(directory), () => ours);
    // Imports of the operator are relative to the directory of his file.
    const options = { input, cwd: dirname(caddyfile), asCaddy: true, signal, deadlineMs: DEADLINE_MS };
    const { code, output } = await this.#machine.run('caddy', ['validate', '--adapter', 'caddyfile', '--config', '-'], options);
    if (code === 0) return;
    throw new DomainError('unprocessable', `Caddy refuses the route: ${lastError(output)}. Nothing was changed.`, {
      cause: output,
    });
  }

  async #mainFile(): Promise<string> {
    const { caddyfile, directory } = this.#settings;
    const main = await this.#machine.readText(caddyfile);
    if (main === null)
      throw new DomainError('unavailable', `There is no ${caddyfile}; install Caddy, or set proxy.caddy.caddyfile.`);
    if (importLine(directory).test(main)) return main;
    const message = `${caddyfile} does not import the routes of NextDeploy; add the line \`import ${directory}/*${SUFFIX}\` to it.`;
    throw new DomainError('unavailable', message);
  }

  async #reloadNow(signal: AbortSignal): Promise<void> {
    const { service } = this.#settings;
    // By systemd and not by `caddy reload`: the unit knows the environment that the operator's file may refer to.
    const { code, output } = await this.#machine.run('systemctl', ['reload', service], {
      signal,
      deadlineMs: RELOAD_DEADLINE_MS,
    });
    if (code === 0) return;
    const message = `Caddy could not be reloaded (${lastError(output)}); see \`journalctl -u ${service}\`.`;
    throw new DomainError('unavailable', message, { cause: output });
  }

  async #readBack(app: string, route: RouteModel | null, signal: AbortSignal): Promise<void> {
    const difference = await this.#differenceTo(app, route, signal);
    if (difference === null) return;
    throw new DomainError(
      'unavailable',
      `Caddy was reloaded, but ${difference}; see \`journalctl -u ${this.#settings.service}\`.`,
    );
  }

  /** Between what Caddy runs with and what the file says; they differ after a crash between rename and reload. */
  async #differenceTo(app: string, route: RouteModel | null, signal: AbortSignal): Promise<string | null> {
    const config = await this.#runningConfig(signal);
    return route === null ? findLeftover(config, join(this.#settings.slots_directory, app)) : findDifference(config, route);
  }

  async #runningConfig(signal: AbortSignal): Promise<unknown> {
    const config = await this.#findConfig(signal);
    if (config !== null) return config;
    const { service } = this.#settings;
    const message = `Caddy does not run, or its admin API is off; see \`systemctl status ${service}\`.`;
    throw new DomainError('unavailable', message);
  }

  /** Null: Caddy does not run. */
  async #findConfig(signal: AbortSignal): Promise<unknown> {
    try {
      return await this.#machine.readConfig(signal);
    } catch (cause) {
      signal.throwIfAborted();
      const message = `Caddy's admin API does not answer; see \`systemctl status ${this.#settings.service}\`.`;
      throw new DomainError('unavailable', message, { cause });
    }
  }

  async #detectFeatures(signal: AbortSignal): Promise<CaddyFeatures> {
    if (this.#features) return this.#features;
    const [major = 0, minor = 0] = (await this.version(signal)).split('.').map(Number);
    this.#features = { has_stream_close_delay: major > 2 || (major === 2 && minor >= 7) };
    return this.#features;
  }

  #inTurn<T>(body: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(body, body);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}

/** The line of the operator's file that takes our files in, wherever it stands. */
function importLine(directory: string): RegExp {
  const escaped = `${directory}/*${SUFFIX}`.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^[ \\t]*import[ \\t]+"?${escaped}"?[ \\t]*$`, 'm');
}

/** The part of Caddy's or systemd's output that says what is wrong. */
function lastError(output: string): string {
  const lines = output.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('{'));
  const line = lines.findLast((candidate) => /error/i.test(candidate)) ?? lines.at(-1) ?? 'no output';
  return line.replace(/^Error: /, '').slice(0, 300);
}
