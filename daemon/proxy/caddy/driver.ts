/** Makes Caddy serve routes. Candidates are checked within the operator's whole Caddyfile; what runs is read over the admin API. */
import { dirname, join } from 'node:path';
import { DomainError } from '../../contract/errors.ts';
import type { RefusedRoute, ReverseProxy } from '../../engine/ports.ts';
import type { RouteModel } from '../../engine/state.ts';
import type { CertificateSettings } from '../certificates.ts';
import type { ProxyMachine } from '../machine.ts';
import { domainsOf } from '../route.ts';
import { type FormerFile, type RouteChange, RouteFiles } from '../route-files.ts';
import { type CaddyFeatures, featuresOf } from './features.ts';
import { holdsHashes, isOfAnotherLayout, isOwnText, lineOf, parseLine, readLines, renderFile } from './file.ts';
import { findDifference } from './readback.ts';
import { type CaddyContext, generationOf } from './render.ts';

export interface CaddyMachine extends ProxyMachine {
  /**
   * The running configuration, or the part of it at a path such as `admin`; null when nothing listens at the admin address. Rejects when
   * what listens does not answer.
   */
  readConfig(path: string, signal: AbortSignal): Promise<{ value: unknown } | null>;
  /** Makes Caddy load the very configuration that it runs with once more. Rejects when it does not. */
  loadAgain(signal: AbortSignal): Promise<void>;
}

export interface CaddySettings {
  /** Ours; the operator's Caddyfile imports `*.caddy` of it. */
  directory: string;
  caddyfile: string;
  /** The systemd unit. */
  service: string;
  https_port: number;
  certificates: CertificateSettings;
}

const DEADLINE_MS = 30_000;
/** A second one, which brings the old file back, fits into the step's time as well. */
const RELOAD_DEADLINE_MS = 20_000;
/** Every later one reads what is written for it. */
const OLDEST_VERSION = '2.6.2';
const SUFFIX = '.caddy';
const FILE = `routes${SUFFIX}`;
/** A small part, where only the answer counts. */
const ADMIN_PART = 'admin';

export class CaddyDriver implements ReverseProxy {
  readonly #settings: CaddySettings;
  readonly #machine: CaddyMachine;
  readonly #files: RouteFiles;
  readonly #stopping: AbortSignal;
  #features: CaddyFeatures | null = null;
  #wantsCertificates = false as boolean; // set while others wait

  /** `stopping` ends a reload, which is no single caller's. */
  constructor(settings: CaddySettings, machine: CaddyMachine, stopping: AbortSignal) {
    this.#settings = settings;
    this.#machine = machine;
    this.#stopping = stopping;
    this.#files = new RouteFiles(
      machine,
      {
        pathOf: () => this.#path(),
        isOurs: (text) => isOwnText(text) || isOfAnotherLayout(text),
        partOf: (text, app) => readLines(text).get(app) ?? null,
        withPart: (text, app, part) => this.#withPart(text, app, part),
        findFormer: (app) => this.#findFormer(app),
        validate: (text, change, signal) => this.#validate(text, change, signal),
        write: (path, text) => this.#write(path, text),
        writeCompanion: async () => undefined,
        removeCompanions: async () => undefined,
        reload: (signal) => this.#reload(signal),
        isRunning: (signal) => this.#isRunning(signal),
        differenceTo: (change, signal) => this.#differenceTo(change, signal),
        confirm: (change, signal) => this.#confirm(change, signal),
      },
      stopping,
    );
  }

  async check(signal: AbortSignal, route: RouteModel | null = null): Promise<void> {
    await this.#mainFile();
    await this.#runningConfig(ADMIN_PART, signal);
    if (route === null) return;
    await this.#detectFeatures(signal);
    await this.#files.check(changeTo(route.app_name, route), signal);
  }

  async checkRemoval(signal: AbortSignal): Promise<void> {
    if (await this.#isRunning(signal)) await this.check(signal);
  }

  async version(signal: AbortSignal): Promise<string> {
    const { code, output } = await this.#machine.run('caddy', ['version'], { signal, deadlineMs: DEADLINE_MS });
    if (code !== 0) throw new DomainError('unavailable', 'Caddy is not installed on this host; install the package caddy.');
    return /^v?(\S+)/.exec(output)?.[1] ?? output.trim();
  }

  async apply(app: string, route: RouteModel | null, signal: AbortSignal): Promise<void> {
    try {
      await this.#detectFeatures(signal);
    } catch (error) {
      // A route can be taken away from a Caddy that was uninstalled.
      if (route !== null || (await this.#isRunning(signal))) throw error;
    }
    await this.#files.apply(changeTo(app, route), signal);
  }

  async differences(routes: readonly RouteModel[], signal: AbortSignal): Promise<(string | null)[]> {
    await this.#detectFeatures(signal);
    const config = await this.#runningConfig('', signal);
    return routes.map((route) => this.#differenceIn(config, changeTo(route.app_name, route)));
  }

  /** Makes Caddy read the files of its certificates anew, together with whatever else is to be loaded. Throws a DomainError. */
  reloadCertificates(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#wantsCertificates = true;
    return this.#files.reload();
  }

  async listApps(): Promise<string[]> {
    const names = await this.#listFiles();
    const text = names.includes(FILE) ? await this.#machine.readText(this.#path()) : null;
    return text !== null && isOwnText(text) ? [...readLines(text).keys()] : [];
  }

  async #listFiles(): Promise<string[]> {
    const names = await this.#machine.listFiles(this.#settings.directory);
    return names.filter((name) => name.endsWith(SUFFIX) && !name.startsWith('.')).toSorted((a, b) => a.localeCompare(b));
  }

  #path(): string {
    return join(this.#settings.directory, FILE);
  }

  #withPart(text: string | null, app: string, part: string | null): string | null {
    const lines = readLines(text);
    if (part === null) lines.delete(app);
    else lines.set(app, part);
    const features = part === null ? (this.#features ?? featuresOf(OLDEST_VERSION)) : this.#knownFeatures();
    return renderFile(lines, this.#context(features));
  }

  /** From before all apps shared one file: its site would be there twice. */
  async #findFormer(app: string): Promise<FormerFile | null> {
    const path = join(this.#settings.directory, `${app}${SUFFIX}`);
    const text = path === this.#path() ? null : await this.#machine.readText(path);
    return text !== null && isOfAnotherLayout(text) ? { path, text } : null;
  }

  /** Asks Caddy about the operator's file with ours put in where it imports them: the candidate needs no place on the disk. */
  async #validate(text: string | null, { app, domains }: RouteChange, signal: AbortSignal): Promise<void> {
    const { directory, caddyfile } = this.#settings;
    const main = await this.#mainFile();
    const paths = (await this.#listFiles()).map((name) => join(directory, name));
    const replaced = [this.#path(), (await this.#findFormer(app))?.path];
    const others = paths.filter((path) => !replaced.includes(path));
    const texts = await Promise.all(others.map((path) => this.#machine.readText(path)));
    const ours = [...texts, text].filter((one) => one !== null).join('\n');
    const input = main.replace(importLine(directory), () => ours);
    // Imports of the operator are relative to the directory of his file.
    const options = { input, cwd: dirname(caddyfile), asService: true, signal, deadlineMs: DEADLINE_MS };
    const { code, output } = await this.#machine.run('caddy', ['validate', '--adapter', 'caddyfile', '--config', '-'], options);
    if (code === 0) return;
    const why = lastError(output);
    const names = new Set(why.split(/[^\w.-]+/));
    const domain = domains.find((name) => names.has(name));
    throw new DomainError('unprocessable', `Caddy refuses the route: ${why}. Nothing was changed.`, {
      ...(domain === undefined ? {} : { details: { domain } satisfies RefusedRoute }),
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

  /** In it are hashes of passwords: then it is for Caddy alone to read. */
  async #write(path: string, text: string): Promise<void> {
    if (holdsHashes(text)) await this.#machine.writeText(path, text, { group: await this.#findGroup() });
    else await this.#machine.writeText(path, text);
  }

  /** Null: root. */
  async #findGroup(): Promise<string | null> {
    const [user, group] = [await this.#askUnit('User'), await this.#askUnit('Group')];
    if (group !== '' || user === '') return group || null;
    const options = { signal: this.#stopping, deadlineMs: DEADLINE_MS };
    const { code, output } = await this.#machine.run('id', ['-gn', user], options);
    if (code === 0) return output.trim();
    throw new DomainError(
      'unavailable',
      `There is no user ${user}, as whom Caddy is to run; see \`systemctl cat ${this.#settings.service}\`.`,
    );
  }

  async #askUnit(property: string): Promise<string> {
    const options = { signal: this.#stopping, deadlineMs: DEADLINE_MS };
    const args = ['show', `--property=${property}`, '--value', this.#settings.service];
    const { code, output } = await this.#machine.run('systemctl', args, options);
    if (code !== 0) throw new DomainError('unavailable', `systemd does not answer: ${lastError(output)}.`, { cause: output });
    return output.trim();
  }

  async #reload(signal: AbortSignal): Promise<void> {
    const { service } = this.#settings;
    const isForced = this.#wantsCertificates;
    this.#wantsCertificates = false;
    // By systemd and not by `caddy reload`: the unit knows the environment that the operator's file may refer to.
    const { code, output } = await this.#machine.run('systemctl', ['reload', service], {
      signal,
      deadlineMs: RELOAD_DEADLINE_MS,
    });
    if (code !== 0) {
      const message = `Caddy could not be reloaded (${lastError(output)}); see \`journalctl -u ${service}\`.`;
      throw new DomainError('unavailable', message, { cause: output });
    }
    if (isForced) await this.#forceCertificates(signal);
  }

  /** Caddy passes over a configuration that says what it runs with already, though the files that it names may be other ones. */
  async #forceCertificates(signal: AbortSignal): Promise<void> {
    // The unit of Debian's packages says so, and those of others may not.
    if (/ (?:--force|-f)(?: |$)/m.test(await this.#askUnit('ExecReload'))) return;
    try {
      await this.#machine.loadAgain(signal);
    } catch (cause) {
      signal.throwIfAborted();
      const message = `Caddy did not load its certificates anew; see \`journalctl -u ${this.#settings.service}\`.`;
      throw new DomainError('unavailable', message, { cause });
    }
  }

  async #confirm(change: RouteChange, signal: AbortSignal): Promise<void> {
    const difference = await this.#differenceTo(change, signal);
    if (difference === null) return;
    const message = `Caddy was reloaded, but ${difference}; see \`journalctl -u ${this.#settings.service}\`.`;
    throw new DomainError('unavailable', message);
  }

  async #differenceTo(change: RouteChange, signal: AbortSignal): Promise<string | null> {
    return this.#differenceIn(await this.#runningConfig('', signal), change);
  }

  #differenceIn(config: unknown, { app, part }: RouteChange): string | null {
    return findDifference(
      config,
      app,
      part === null ? null : generationOf(parseLine(part), this.#context(this.#knownFeatures())),
    );
  }

  async #runningConfig(path: string, signal: AbortSignal): Promise<unknown> {
    const config = await this.#findConfig(path, signal);
    if (config !== null) return config.value;
    const { service } = this.#settings;
    const message = `Caddy does not run, or its admin API is off; see \`systemctl status ${service}\`.`;
    throw new DomainError('unavailable', message);
  }

  async #isRunning(signal: AbortSignal): Promise<boolean> {
    return (await this.#findConfig(ADMIN_PART, signal)) !== null;
  }

  /** Null: Caddy does not run. */
  async #findConfig(path: string, signal: AbortSignal): Promise<{ value: unknown } | null> {
    try {
      return await this.#machine.readConfig(path, signal);
    } catch (cause) {
      signal.throwIfAborted();
      const message = `Caddy's admin API does not answer; see \`systemctl status ${this.#settings.service}\`.`;
      throw new DomainError('unavailable', message, { cause });
    }
  }

  async #detectFeatures(signal: AbortSignal): Promise<void> {
    this.#features ??= featuresOf(await this.version(signal));
  }

  #context(features: CaddyFeatures): CaddyContext {
    const { certificates, https_port } = this.#settings;
    return { features, certificates, https_port };
  }

  #knownFeatures(): CaddyFeatures {
    if (this.#features === null) throw new Error("Caddy's version has not been asked for yet");
    return this.#features;
  }
}

function changeTo(app: string, route: RouteModel | null): RouteChange {
  return route === null ? { app, part: null, domains: [] } : { app, part: lineOf(route), domains: domainsOf(route) };
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
