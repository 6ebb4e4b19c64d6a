/** Installs or upgrades the daemon on a server: carries out the plan, step by step, and returns to the version before if it fails. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Transform } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { DomainError } from '../../../daemon/contract/errors.ts';
import type { InstallStep } from '../../../preload/contract.ts';
import type { SshConnection } from '../ssh/connection.ts';
import { clean } from '../ssh/failures.ts';
import { type RunResult, runCommand } from '../ssh/run.ts';
import { FACTS_SCRIPT, type Facts, parseFacts } from './facts.ts';
import { parseDockerSettings, planLiveRestore } from './live-restore.ts';
import { withInstallLock } from './lock.ts';
import { architectureOf, type InstallPlan, judge, planInstall } from './plan.ts';
import { PATHS, type ScriptName, scriptCommand } from './scripts.ts';
import { done, type StepOutcome, Steps } from './steps.ts';
import type { DaemonTarball, TarballProvider } from './tarball.ts';

const UPLOAD_MS_MAX = 30 * 60_000;
const STEP_MS_MAX = 120_000;
const CONDITION_INTERVAL_MS = 500;
/** Restarts by systemd after which a version counts as crashing: one may be bad luck. */
const CRASHES_MAX = 2;

const INCLUDES = {
  caddy: {
    script: 'include_in_caddy',
    refusal: 'Caddy does not accept its configuration; mend /etc/caddy/Caddyfile and try again',
  },
  nginx: {
    script: 'include_in_nginx',
    refusal: 'nginx does not accept its configuration; mend /etc/nginx/nginx.conf and what it includes, and try again',
  },
} as const;

export interface InstallTarget {
  ssh: SshConnection;
  tarball: TarballProvider;
  /**
   * Resolves with the version that answers on the daemon's socket, seen with a fresh login; throws when none does in time. `version` is
   * the one to wait for.
   */
  probe(version: string, signal: AbortSignal): Promise<string>;
  onStep(step: InstallStep): void;
  signal: AbortSignal;
}

/** The plan that was carried out. @throws DomainError with what failed and its remedy; the server then runs what it ran before. */
export async function installDaemon(target: InstallTarget): Promise<InstallPlan> {
  const steps = new Steps(target.onStep);
  const facts = await steps.run('preflight', () => preflight(target));
  const asRoot = (argv: string[]) => (facts.root === 'yes' ? argv : ['sudo', '-n', ...argv]);
  // Preflight refused every other architecture.
  const architecture = architectureOf(facts) ?? 'x64';
  const tarball = await target.tarball(architecture);
  return withInstallLock(target.ssh, asRoot, target.signal, async (signal) => {
    // Read again: until the lock was held another console may have installed.
    const plan = planInstall(await readFacts({ ...target, signal }), tarball);
    const installation = new Installation({ ...target, signal }, asRoot, steps, tarball, plan);
    await installation.run();
    return installation.plan;
  });
}

async function readFacts({ ssh, signal }: Pick<InstallTarget, 'ssh' | 'signal'>): Promise<Facts> {
  const argv = ['sh', '-c', FACTS_SCRIPT, 'nextdeploy-install', PATHS.releases, PATHS.complete_mark];
  const { stdout } = await runCommand(ssh, argv, { signal });
  try {
    return parseFacts(stdout);
  } catch (cause) {
    throw new DomainError(
      'unprocessable',
      'The server did not answer as a Linux server does; is the login shell a POSIX shell?',
      { cause },
    );
  }
}

async function preflight(target: InstallTarget): Promise<{ value: Facts; detail: string }> {
  const facts = await readFacts(target);
  const findings = judge(facts, Date.now() / 1000);
  const failed = findings.filter((finding) => finding.state === 'failed');
  if (failed.length > 0)
    throw new DomainError('unprocessable', failed.map(({ message }) => message).join(' '), { details: findings });
  return { value: facts, detail: findings.map(({ message }) => message).join(', ') };
}

class Installation {
  readonly plan: InstallPlan;
  readonly #target: InstallTarget;
  readonly #asRoot: (argv: string[]) => string[];
  readonly #steps: Steps;
  readonly #tarball: DaemonTarball;
  readonly #directory: string;

  constructor(
    target: InstallTarget,
    asRoot: (argv: string[]) => string[],
    steps: Steps,
    tarball: DaemonTarball,
    plan: InstallPlan,
  ) {
    this.#target = target;
    this.#asRoot = asRoot;
    this.#steps = steps;
    this.#tarball = tarball;
    this.plan = plan;
    this.#directory = `${PATHS.releases}/${plan.release}`;
  }

  async run(): Promise<void> {
    const { plan } = this;
    if (plan.isStaged) this.#steps.skip(['upload', 'verify', 'stage'], `${plan.release} is there already`);
    else await this.#bringOver();
    await this.#steps.run('self-test', () => this.#selfTest());
    let hasSwitched = false;
    try {
      await this.#steps.run('switch', async () => {
        await this.#script('configure', 'The configuration could not be written', plan.member ?? '', plan.defaultProxy);
        const notes = await this.#includeInProxies();
        hasSwitched = true;
        await this.#script('switch', 'The version could not be switched', plan.release);
        return done([`${plan.release} is the current version`, ...notes].join('; '));
      });
      await this.#steps.run('start', async () => {
        await this.#script('start', 'systemd could not start nextdeployd');
        return done('nextdeployd.service started');
      });
      await this.#steps.run('probe', async () => {
        const answer = await this.#probe();
        const notes = [await this.#prune(), await this.#keepThroughDockerRestarts()];
        return done([answer, ...notes].filter((text) => text !== null).join('; '));
      });
    } catch (error) {
      throw hasSwitched ? await this.#returnToPrevious(error) : error;
    }
  }

  /** What an operator should know of proxies that do not run. @throws DomainError when one that runs refuses */
  async #includeInProxies(): Promise<string[]> {
    const notes: string[] = [];
    for (const { name, isActive } of this.plan.proxies) {
      const { script, refusal } = INCLUDES[name];
      try {
        await this.#script(script, refusal);
      } catch (error) {
        if (isActive || !(error instanceof DomainError)) throw error;
        notes.push(`left out, as it does not run: ${error.message}`);
      }
    }
    return notes;
  }

  /** Switches on Docker's live-restore where that is possible. What became of it: the installation stands whatever it is. */
  async #keepThroughDockerRestarts(): Promise<string | null> {
    const warning = (reason: string) => `warning: containers will stop while Docker restarts, because ${reason}`;
    const settings = await this.#attempt('docker_settings');
    if (settings === null) return warning('its configuration could not be read');
    const plan = planLiveRestore(parseDockerSettings(settings));
    if (plan.kind === 'is on') return null;
    if (plan.kind === 'leave') return warning(clean(plan.reason));
    const result = await this.#run('live_restore', [], plan.text).catch(() => null);
    if (result?.code === 0) return 'Docker keeps containers through its own restart (live-restore)';
    const evidence = clean(result?.stderr.trim() ?? '');
    return warning(`it refused live-restore${evidence === '' ? '' : ` (${evidence})`}; /etc/docker/daemon.json is as it was`);
  }

  /** Null, or what an operator should know: the version runs all the same. */
  async #prune(): Promise<string | null> {
    const { release, previous } = this.plan;
    const kept = previous === null ? [release] : [release, previous];
    const isPruned = (await this.#attempt('prune', ...kept)) !== null;
    return isPruned ? null : `old versions in ${PATHS.releases} could not all be removed`;
  }

  async #bringOver(): Promise<void> {
    await this.#steps.run('upload', () => this.#upload());
    await this.#steps.run('verify', async () => {
      await this.#script('verify', 'The upload arrived damaged; try again', PATHS.archive, this.#tarball.sha256);
      return done(`SHA-256 ${this.#tarball.sha256}`);
    });
    await this.#steps.run('stage', async () => {
      await this.#script('stage', 'The archive could not be unpacked', PATHS.archive, this.#directory, PATHS.complete_mark);
      return done(this.#directory);
    });
  }

  async #upload(): Promise<StepOutcome<void>> {
    const { path } = this.#tarball;
    const { size } = await stat(path);
    let sent = 0;
    const counter = new Transform({
      transform: (chunk: Buffer, _encoding, next) => {
        sent += chunk.length;
        this.#steps.progress(sent / size);
        next(null, chunk);
      },
    });
    const input = createReadStream(path, { highWaterMark: 256 * 1024 });
    input.on('error', (error) => counter.destroy(error));
    const argv = this.#asRoot(scriptCommand('receive', PATHS.archive));
    const result = await runCommand(this.#target.ssh, argv, {
      signal: this.#target.signal,
      input: input.pipe(counter),
      timeout_ms: UPLOAD_MS_MAX,
    });
    refuse(result, 'The upload could not be stored');
    return done(`${(size / 1e6).toFixed(1)} MB`);
  }

  async #selfTest(): Promise<StepOutcome<void>> {
    try {
      await this.#script('self_test', 'The daemon does not run on this server', this.#directory);
    } catch (error) {
      await this.#attempt('discard', this.#directory);
      throw error;
    }
    return done('ok');
  }

  /** Waits for the version to answer, and no longer once it is clear that the service crashes. */
  async #probe(): Promise<string> {
    const ended = new AbortController();
    const signal = AbortSignal.any([this.#target.signal, ended.signal]);
    const watch = this.#watchForCrash(signal);
    watch.catch(() => undefined);
    try {
      const version = await Promise.race([this.#target.probe(this.#tarball.version, signal), watch]);
      return `version ${version} answers`;
    } finally {
      ended.abort();
    }
  }

  /** Rejects when the service has failed or was restarted twice. */
  async #watchForCrash(signal: AbortSignal): Promise<never> {
    for (;;) {
      await setTimeout(CONDITION_INTERVAL_MS, undefined, { signal });
      const condition = (await this.#attempt('condition')) ?? '';
      const restarts = Number(/^NRestarts=(\d+)$/m.exec(condition)?.[1] ?? 0);
      if (restarts < CRASHES_MAX && !condition.includes('ActiveState=failed')) continue;
      throw new DomainError('unprocessable', `Version ${this.#tarball.version} crashes when it starts`);
    }
  }

  /** The error to show: why the new version failed, and what runs now. */
  async #returnToPrevious(error: unknown): Promise<DomainError> {
    const { previous } = this.plan;
    const journal = (await this.#attempt('journal')) ?? '';
    const reason = error instanceof Error ? error.message : String(error);
    const now = previous === null ? await this.#withdraw() : await this.#bringBack(previous);
    const details = { journal: journal.split('\n').slice(-20).map(clean) };
    return new DomainError('unprocessable', `${clean(reason)}. ${now}`, { details, cause: error });
  }

  async #bringBack(previous: string): Promise<string> {
    await this.#attempt('switch', previous);
    const isBack = (await this.#attempt('start')) !== null;
    if (!isBack) return `The version before, ${previous}, could not be started again either; connect and install once more.`;
    await this.#attempt('discard', this.#directory);
    return `The version before, ${previous}, runs again.`;
  }

  async #withdraw(): Promise<string> {
    if (this.plan.isCurrent)
      return 'It is the version that was installed before too: see `journalctl -u nextdeployd` on the server.';
    const isGone = (await this.#attempt('remove_service')) !== null;
    return isGone ? 'The service was removed again.' : 'The service could not be removed; connect and install once more.';
  }

  async #script(name: ScriptName, failure: string, ...args: string[]): Promise<void> {
    refuse(await this.#run(name, args), failure);
  }

  #run(name: ScriptName, args: string[], input = ''): Promise<RunResult> {
    const argv = this.#asRoot(scriptCommand(name, ...args));
    return runCommand(this.#target.ssh, argv, { signal: this.#target.signal, timeout_ms: STEP_MS_MAX, input });
  }

  /** For mending: goes on whatever happens, also when the operator has given up. What it printed, or null where it failed. */
  async #attempt(name: ScriptName, ...args: string[]): Promise<string | null> {
    const argv = this.#asRoot(scriptCommand(name, ...args));
    const signal = new AbortController().signal;
    return runCommand(this.#target.ssh, argv, { signal, timeout_ms: STEP_MS_MAX }).then(
      ({ code, stdout }) => (code === 0 ? stdout : null),
      () => null,
    );
  }
}

function refuse({ code, stdout, stderr }: RunResult, failure: string): void {
  if (code === 0) return;
  const evidence = clean((stderr.trim() || stdout.trim()).split('\n').slice(-3).join(' '));
  throw new DomainError('unprocessable', `${failure}${evidence === '' ? '' : `: ${evidence}`}.`);
}
