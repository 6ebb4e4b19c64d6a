import type { DaemonEvent, Operation, OperationKind } from '../../daemon/contract/domain.ts';
import type { Slot } from '../../daemon/contract/names.ts';
import type { CallName, ChannelName, Host, Settings } from '../../preload/contract.ts';
import { playInstall, playLogs, playSystem, playTerminal } from './players.ts';
import { createWorld, type ScenarioName } from './scenarios.ts';
import { checkedAnswer, checkedMessage, Refusal, type ScriptedChannel } from './scripted-bridge.ts';
import { ago, app, bareHost, imageId, newOperationId, operation, release, STEP_DETAIL, STEPS, type WorldHost } from './world.ts';

const STEP_MS = 350;

// The bridge has checked every input against the contract; these are the parts that the script reads.
interface HostInput {
  host: string;
}
interface DaemonInput extends HostInput {
  route: keyof typeof import('../../daemon/contract/routes.ts').routes;
  params?: { name?: string };
  query?: { app_name?: string; purge?: string };
  body?: { app_name: string; image?: string; release?: string; domain?: string };
}
interface StreamInput extends HostInput {
  stream: 'logs' | 'events' | 'system';
  params?: { app?: string };
}

/** A core with a script in place of servers: it answers plausibly, moves, and keeps to the contract's state rules. */
export class ScriptedCore {
  readonly #scenario: ScenarioName;
  readonly #world: WorldHost[];
  readonly #watchers = new Set<ScriptedChannel>();
  readonly #eventStreams = new Map<ScriptedChannel, string>();
  #settings: Settings = { color_scheme: 'auto' };
  #seq = 100;

  constructor(scenario: ScenarioName) {
    this.#scenario = scenario;
    this.#world = createWorld(scenario);
  }

  async call(name: CallName, input: unknown): Promise<unknown> {
    const { host } = (input ?? {}) as HostInput;
    switch (name) {
      case 'console.info':
        return { version: '0.1.0', shell: 'web', platform: 'linux' };
      case 'settings.get':
        return this.#settings;
      case 'settings.set':
        this.#settings = input as Settings;
        return this.#settings;
      case 'hosts.list':
        return this.#world.map((each) => each.host);
      case 'hosts.add':
        return this.#addHost(input as Host);
      case 'hosts.update':
        return this.#change(host, (input as { changes: Host }).changes);
      case 'hosts.remove':
        this.#world.splice(this.#world.indexOf(this.#find(host)), 1);
        this.#tellHosts();
        return undefined;
      case 'hosts.connect':
      case 'hosts.trust':
        return this.#connect(host, name, input as { password?: string; passphrase?: string });
      case 'hosts.disconnect':
        return this.#change(host, { connection: { kind: 'disconnected' }, daemon: { kind: 'unknown' } });
      case 'daemon': {
        const request = input as DaemonInput;
        return checkedAnswer(request.route, this.#daemon(this.#find(host), request));
      }
    }
  }

  open(name: ChannelName, input: unknown, channel: ScriptedChannel): void {
    if (name === 'hosts.watch') {
      this.#watchers.add(channel);
      channel.onClose = () => this.#watchers.delete(channel);
      channel.send(this.#world.map((each) => each.host));
    } else if (name === 'hosts.install') {
      const { host } = input as HostInput;
      playInstall(channel, () => this.#change(host, { daemon: bareHost(host).host.daemon }));
    } else if (name === 'terminal') playTerminal(channel);
    else this.#openStream(input as StreamInput, channel);
  }

  #openStream({ host, stream, params }: StreamInput, channel: ScriptedChannel): void {
    const send = (message: unknown) => channel.send({ kind: 'message', message: checkedMessage(stream, message) });
    if (stream === 'system') playSystem(channel, send, host.length);
    else if (stream === 'logs') {
      const current = () => this.#find(host).apps.find((each) => each.name === params?.app);
      playLogs(channel, send, current, this.#scenario === 'firehose');
    } else {
      this.#eventStreams.set(channel, host);
      channel.onClose = () => this.#eventStreams.delete(channel);
    }
  }

  #daemon(world: WorldHost, { route, params, query, body }: DaemonInput): unknown {
    const name = params?.name ?? body?.app_name ?? '';
    switch (route) {
      case 'listApps':
        return world.apps;
      case 'listImages':
        return world.images;
      case 'listReleases':
        return world.releases[name] ?? [];
      case 'listOperations':
        return world.operations;
      case 'deploy':
        return this.#deploy(world, name, body?.image ?? '', body?.domain);
      case 'swap':
        return this.#start(world, name, 'swap', body?.image ?? '');
      case 'rollback': {
        const target = body?.release ?? world.apps.find((each) => each.name === name)?.previous_release ?? 'r1';
        return this.#start(
          world,
          name,
          'rollback',
          world.releases[name]?.find((each) => each.id === target)?.image ?? 'unknown:v1',
        );
      }
      case 'startApp':
        return this.#start(world, name, 'start', null);
      case 'stopApp':
        return this.#start(world, name, 'stop', null);
      case 'restartApp':
        return this.#start(world, name, 'restart', null);
      case 'removeApp':
        return this.#start(world, name, query?.purge === undefined ? 'stop' : 'remove', null);
      default:
        throw new Refusal({ code: 'not_found', message: `The script has no answer for ${route}.` });
    }
  }

  #deploy(world: WorldHost, name: string, image: string, domain: string | undefined): Operation {
    if (!image.includes(':')) {
      const details = [{ field: 'image', message: 'no such image on the host, and no registry has it' }];
      throw new Refusal({ code: 'unprocessable', message: `The image ${image} was found nowhere.`, details });
    }
    if (!world.apps.some((each) => each.name === name)) {
      const url = domain === undefined ? null : `http://${domain}`;
      world.apps.push(
        app(name, {
          status: 'updating',
          release: null,
          previous_release: null,
          slot: null,
          version: image,
          domain: domain ?? null,
          url,
        }),
      );
    }
    return this.#start(world, name, 'deploy', image);
  }

  /** Begins an operation and plays it, a step every {@link STEP_MS}. */
  #start(world: WorldHost, name: string, kind: OperationKind, image: string | null): Operation {
    const found = world.apps.find((each) => each.name === name);
    if (found === undefined) throw new Refusal({ code: 'not_found', message: `There is no app "${name}" here.` });
    if (found.operation_id !== null) {
      throw new Refusal({ code: 'conflict', message: 'An operation is in progress.', operation_id: found.operation_id });
    }
    const next = `r${Number(found.release?.slice(1) ?? 0) + 1}`;
    const changes = image !== null;
    const started = operation({
      id: newOperationId(),
      app_name: name,
      kind,
      state: 'running',
      image: image ?? found.version,
      release: changes ? next : found.release,
      from_release: found.release,
      slot: found.slot === 'blue' ? 'green' : 'blue',
      created_at: ago(0),
      ended_at: null,
      steps: STEPS[kind].map((step) => ({ name: step, state: 'pending', started_at: null, ended_at: null, detail: null })),
    });
    world.operations.unshift(started);
    this.#setApp(world, name, { operation_id: started.id, status: 'updating' });
    this.#tell(world, 'operation.started', started);
    this.#play(world, started, 0);
    return started;
  }

  #play(world: WorldHost, running: Operation, index: number): void {
    const now = ago(0);
    const steps = running.steps.map((step, place) => {
      if (place === index) return { ...step, state: 'running' as const, started_at: now };
      if (place !== index - 1) return step;
      return { ...step, state: 'done' as const, ended_at: now, detail: STEP_DETAIL[step.name] ?? null };
    });
    const isOver = index >= steps.length;
    const after: Operation = { ...running, steps, ...(isOver ? { state: 'succeeded' as const, ended_at: now } : {}) };
    world.operations[world.operations.findIndex((each) => each.id === running.id)] = after;
    if (isOver) this.#finish(world, after);
    this.#tell(world, isOver ? 'operation.ended' : 'operation.progress', after);
    if (!isOver) setTimeout(() => this.#play(world, after, index + 1), STEP_MS);
  }

  #finish(world: WorldHost, { app_name, kind, image, release: id, from_release, slot }: Operation): void {
    if (kind === 'remove') {
      world.apps.splice(
        world.apps.findIndex((each) => each.name === app_name),
        1,
      );
      return;
    }
    const hasStopped = kind === 'stop';
    this.#setApp(world, app_name, {
      operation_id: null,
      status: hasStopped ? 'stopped' : 'running',
      updated_at: ago(0),
      health: { healthy: hasStopped ? null : true, checked_at: ago(0), detail: hasStopped ? 'not running' : 'GET / 200' },
      ...(kind === 'stop' || kind === 'start' ? {} : { slot: slot as Slot }),
      ...(id === from_release || image === null ? {} : { release: id, previous_release: from_release, version: image }),
    });
    if (id === null || id === from_release || image === null) return;
    const older = (world.releases[app_name] ?? []).map((each) =>
      each.state === 'live' ? { ...each, state: 'standby' as const } : each,
    );
    const live = release(app_name, Number(id.slice(1)), image, {
      state: 'live',
      created_at: ago(0),
      ended_at: null,
      end_reason: null,
      image_id: imageId(image),
    });
    world.releases[app_name] = [live, ...older];
  }

  #tell(world: WorldHost, kind: DaemonEvent['kind'], about: Operation): void {
    const message = `${about.kind} of ${about.app_name} ${about.state}`;
    const event = { seq: ++this.#seq, ts: ago(0), kind, level: 'info', message, app_name: about.app_name, operation: about };
    for (const [channel, host] of this.#eventStreams) {
      if (host === world.host.id) channel.send({ kind: 'message', message: checkedMessage('events', event) });
    }
  }

  #setApp(world: WorldHost, name: string, part: object): void {
    world.apps = world.apps.map((each) => (each.name === name ? { ...each, ...part } : each));
  }

  #addHost(input: Host): Host {
    const id = input.name.toLowerCase().replace(/[^a-z0-9-]/g, '-');
    const connection: Host['connection'] = { kind: 'disconnected' };
    this.#world.push(bareHost(id, { ...input, connection, daemon: { kind: 'unknown' } }));
    this.#tellHosts();
    return this.#find(id).host;
  }

  #connect(id: string, name: 'hosts.connect' | 'hosts.trust', secrets: { password?: string; passphrase?: string }): Host {
    const { connection, auth } = this.#find(id).host;
    const offered = { key_type: 'ssh-ed25519', sha256: 'SHA256:q6T0c5Vb0N2aX1pZrQe9o3mYcWkH7dJfL4sUiTgRxEw' };
    if (connection.kind === 'disconnected') return this.#change(id, { connection: { kind: 'key_unknown', offered } });
    if (connection.kind === 'key_changed' || connection.kind === 'failed') return this.#find(id).host;
    const hasSecret = secrets.password !== undefined || secrets.passphrase !== undefined;
    if (auth.kind === 'password' && name === 'hosts.trust' && !hasSecret) {
      return this.#change(id, { connection: { kind: 'credentials_needed', what: 'password', message: '' } });
    }
    const daemon: Host['daemon'] = { kind: 'absent', message: 'This server has no NextDeploy daemon yet.' };
    return this.#change(id, { connection: { kind: 'connected', since: ago(0), latency_ms: 3.1 }, daemon });
  }

  #find(id: string): WorldHost {
    const found = this.#world.find((each) => each.host.id === id);
    if (found === undefined) throw new Refusal({ code: 'not_found', message: 'This host is not in the list.' });
    return found;
  }

  #change(id: string, part: Partial<Host>): Host {
    const found = this.#find(id);
    found.host = { ...found.host, ...part };
    this.#tellHosts();
    return found.host;
  }

  #tellHosts(): void {
    for (const watcher of this.#watchers) watcher.send(this.#world.map((each) => each.host));
  }
}
