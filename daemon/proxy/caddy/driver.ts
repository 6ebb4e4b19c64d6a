/** Makes Caddy serve routes. Candidates are checked within the operator's whole Caddyfile; what runs is read over the admin API. */
import { basename, dirname, join } from 'node:path';
import { DomainError } from '../../contract/errors.ts';
import type { ReverseProxy } from '../../engine/ports.ts';
import type { RouteModel } from '../../engine/state.ts';
import { readGeneration } from '../generation.ts';
import type { ProxyMachine } from '../machine.ts';
import { domainsOf } from '../route.ts';
import { type RouteFile, RouteFiles } from '../route-files.ts';
import { findDifference, findLeftover } from './readback.ts';
import { type CaddyFeatures, featuresOf, renderCaddyfile } from './render.ts';

export interface CaddyMachine extends ProxyMachine {
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
  readonly #files: RouteFiles;
  #features: CaddyFeatures | null = null;

  /** `stopping` ends a reload, which is no single caller's. */
  constructor(settings: CaddySettings, machine: CaddyMachine, stopping: AbortSignal) {
    this.#settings = settings;
    this.#machine = machine;
    this.#files = new RouteFiles(
      machine,
      {
        validate: (file, signal) => this.#validate(file, signal),
        reload: (signal) => this.#reload(signal),
        isRunning: async (signal) => (await this.#findConfig(signal)) !== null,
        differenceTo: (file, signal) => this.#differenceTo(file, signal),
        confirm: (file, signal) => this.#confirm(file, signal),
      },
      stopping,
    );
  }

  async check(signal: AbortSignal, route: RouteModel | null = null): Promise<void> {
    if (route !== null) renderCaddyfile(route, await this.#detectFeatures(signal));
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
    await this.#files.apply({ app, path, content, domains: route === null ? [] : domainsOf(route) }, signal);
  }

  async listApps(): Promise<string[]> {
    const names = await this.#machine.listFiles(this.#settings.directory);
    return names.filter((name) => name.endsWith(SUFFIX) && !name.startsWith('.')).map((name) => name.slice(0, -SUFFIX.length));
  }

  /** Asks Caddy about the operator's file with our files put in where it imports them: the candidate needs no place on the disk. */
  async #validate({ path, content }: RouteFile, signal: AbortSignal): Promise<void> {
    const { directory, caddyfile } = this.#settings;
    const main = await this.#mainFile();
    const names = (await this.listApps()).map((app) => `${app}${SUFFIX}`);
    const others = names.filter((name) => name !== basename(path)).toSorted((a, b) => a.localeCompare(b));
    const texts = await Promise.all(others.map((name) => this.#machine.readText(join(directory, name))));
    const ours = [...texts, content].filter((text) => text !== null).join('\n');
    const input = main.replace(importLine(directory), () => ours);
    // Imports of the operator are relative to the directory of his file.
    const options = { input, cwd: dirname(caddyfile), asService: true, signal, deadlineMs: DEADLINE_MS };
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

  async #reload(signal: AbortSignal): Promise<void> {
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

  async #confirm(file: RouteFile, signal: AbortSignal): Promise<void> {
    const difference = await this.#differenceTo(file, signal);
    if (difference === null) return;
    const message = `Caddy was reloaded, but ${difference}; see \`journalctl -u ${this.#settings.service}\`.`;
    throw new DomainError('unavailable', message);
  }

  async #differenceTo({ app, content }: RouteFile, signal: AbortSignal): Promise<string | null> {
    const config = await this.#runningConfig(signal);
    if (content === null) return findLeftover(config, join(this.#settings.slots_directory, app));
    return findDifference(config, app, readGeneration(content) ?? '');
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
    this.#features ??= featuresOf(await this.version(signal));
    return this.#features;
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
