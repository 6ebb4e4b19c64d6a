import { configurationOf, type DeployRequest, deployRequestSchema } from '../../daemon/contract/configuration.ts';
import type { DaemonEvent, Operation } from '../../daemon/contract/domain.ts';
import { DEFAULTS } from '../../daemon/contract/limits.ts';
import type { RouteName } from '../../daemon/contract/routes.ts';
import {
  providerRemovalQuerySchema,
  providerSetRequestSchema,
  secretsPullRequestSchema,
} from '../../daemon/contract/secret-providers.ts';
import { type SecretsChanged, secretRemovalQuerySchema, secretsSyncRequestSchema } from '../../daemon/contract/secrets.ts';
import type { CallName, ChannelInput, ChannelName, Host, Settings } from '../../preload/contract.ts';
import { playInstall, playLogs, playSystem, playTerminal } from './players.ts';
import { createWorld, type ScenarioName } from './scenarios.ts';
import { answerOf } from './scripted-answers.ts';
import { playBackup, playRestore } from './scripted-backup.ts';
import { checkedAnswer, checkedMessage, Refusal, type ScriptedChannel } from './scripted-bridge.ts';
import { ScriptedOperations, type Wish } from './scripted-operations.ts';
import { pullSecrets, removeProvider, setProvider } from './scripted-providers.ts';
import { removeSecret, syncSecrets } from './scripted-secrets.ts';
import { ago, app, bareHost, type WorldHost } from './world.ts';

// The bridge has checked every input against the contract; these are the parts that the script reads.
interface HostInput {
  host: string;
}
interface DaemonInput extends HostInput {
  route: RouteName;
  params?: { name?: string; id?: string; domain?: string };
  query?: { purge?: string };
  body?: {
    app_name?: string;
    image?: string;
    release?: string;
    code_only?: boolean;
    replicas?: number;
    enabled?: boolean;
    message?: string;
  };
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
  readonly #operations: ScriptedOperations;
  #seq = 100;

  constructor(scenario: ScenarioName, pace: number) {
    this.#scenario = scenario;
    this.#world = createWorld(scenario);
    this.#operations = new ScriptedOperations((world, kind, about) => this.#tell(world, kind, about), pace);
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
    else if (name === 'backup.create') playBackup(channel);
    else if (name === 'backup.restore') playRestore(channel, input as ChannelInput<'backup.restore'>);
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
    const begin = (wish: Wish) => this.#operations.start(world, name, wish);
    switch (route) {
      case 'listApps':
        return world.apps;
      case 'listImages':
        return world.images;
      case 'listReleases':
        return world.releases[name] ?? [];
      case 'listOperations':
        return world.operations;
      case 'listEvents':
        return world.events;
      case 'listSecrets':
        return world.secrets;
      case 'syncSecrets': {
        const request = secretsSyncRequestSchema.parse(body);
        return this.#changeSecrets(world, request, (roll) => syncSecrets(world, request, roll));
      }
      case 'removeSecret': {
        const request = secretRemovalQuerySchema.parse(query);
        return this.#changeSecrets(world, request, (roll) => removeSecret(world, request, roll));
      }
      case 'listSecretProviders':
        return world.providers;
      case 'setSecretProvider':
        return setProvider(world, providerSetRequestSchema.parse(body));
      case 'removeSecretProvider':
        return removeProvider(world, providerRemovalQuerySchema.parse(query));
      case 'pullSecrets': {
        const request = secretsPullRequestSchema.parse(body);
        return this.#changeSecrets(world, request, (roll) => pullSecrets(world, request, roll));
      }
      case 'rotateSecretsKey':
        this.#announce(world, 'secrets.key_rotated', 'The master key was rotated by admin', null);
        return { key_id: '7d1f3c9a', secrets: world.secrets.flatMap(({ versions }) => versions).length };
      case 'deploy':
        return this.#deploy(world, deployRequestSchema.parse(body));
      case 'swap':
        return begin({ kind: 'swap', image: body?.image ?? '' });
      case 'rollback':
        return begin(rollbackWish(world, name, body ?? {}));
      case 'startApp':
        return begin({ kind: 'start' });
      case 'stopApp':
        return begin({ kind: 'stop' });
      case 'restartApp':
        return begin({ kind: 'restart' });
      case 'scaleApp':
        return begin({ kind: 'scale', replicas: body?.replicas ?? 1 });
      case 'setMaintenance': {
        const message = body?.message ?? DEFAULTS.maintenance_message;
        return begin({ kind: 'maintenance', maintenance: body?.enabled === true ? { message } : null });
      }
      case 'removeApp':
        return begin({ kind: query?.purge === undefined ? 'stop' : 'remove' });
      case 'cancelOperation':
        return this.#operations.cancel(world, params?.id ?? '');
      case 'keepRelease':
        return this.#operations.keep(world, params?.id ?? '');
      default:
        return answerOf(world, { route, params, query, body });
    }
  }

  #deploy(world: WorldHost, request: DeployRequest): Operation {
    const { app_name, image, domain } = request;
    if (!image.includes(':')) {
      const details = [{ field: 'image', message: 'no such image on the host, and no registry has it' }];
      throw new Refusal({ code: 'unprocessable', message: `The image ${image} was found nowhere.`, details });
    }
    const bind = request.volumes.findIndex((volume) => volume.kind === 'bind' && !volume.source.startsWith('/srv/'));
    const message = 'It lies beneath none of the host’s bind roots; use one in /srv.';
    const refusal = { message, field: `volumes.${bind}.source` };
    const known = world.apps.find((each) => each.name === app_name);
    if (known === undefined) {
      const url = domain === undefined ? null : `http://${domain}`;
      const none = { release: null, previous_release: null, slot: null };
      const replicas_wanted = request.replicas ?? 1;
      const health = { healthy: null, checked_at: null, detail: 'not checked' };
      const part = { ...none, health, replicas: 0, version: image, domain: domain ?? null, url, replicas_wanted };
      world.apps.push(app(app_name, { status: 'updating', ...part }));
    }
    const configuration = configurationOf(request, { proxy: 'caddy', replicas: known?.replicas_wanted ?? 1 });
    const wish: Wish = { kind: 'deploy', image, configuration, replicas: configuration.replicas };
    return this.#operations.start(world, app_name, bind < 0 ? wish : { ...wish, refusal });
  }

  #changeSecrets(
    world: WorldHost,
    { app_name }: { app_name?: string | undefined },
    change: (roll: (app: string) => string) => SecretsChanged,
  ): SecretsChanged {
    const image = (name: string) => world.apps.find((each) => each.name === name)?.version ?? '';
    const changed = change((name) => this.#operations.start(world, name, { kind: 'restart', image: image(name) }).id);
    if (!changed.dry_run) this.#announce(world, 'secrets.changed', 'Secrets changed by admin', app_name ?? null);
    return changed;
  }

  #tell(world: WorldHost, kind: DaemonEvent['kind'], about: Operation): void {
    this.#announce(world, kind, `${about.kind} of ${about.app_name} ${about.state}`, about.app_name, about);
  }

  #announce(
    world: WorldHost,
    kind: DaemonEvent['kind'],
    message: string,
    app_name: string | null,
    operation: Operation | null = null,
  ): void {
    const event = { seq: ++this.#seq, ts: ago(0), kind, level: 'info', message, app_name, operation };
    for (const [channel, host] of this.#eventStreams) {
      if (host === world.host.id) channel.send({ kind: 'message', message: checkedMessage('events', event) });
    }
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

function rollbackWish(world: WorldHost, name: string, body: NonNullable<DaemonInput['body']>): Wish {
  const target = body.release ?? world.apps.find((each) => each.name === name)?.previous_release ?? 'r1';
  const found = world.releases[name]?.find((each) => each.id === target);
  if (found === undefined) throw new Refusal({ code: 'not_found', message: `There is no release ${target}.` });
  return body.code_only === true ? { kind: 'rollback', image: found.image } : { kind: 'rollback', again: found };
}
