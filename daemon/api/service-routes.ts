/** Routes over the API: to apps, through the engine, and to ports; each told as its proxy runs with it. */
import type { Operation } from '../contract/domain.ts';
import { DomainError, type ErrorCode, type FieldError } from '../contract/errors.ts';
import { LIMITS } from '../contract/limits.ts';
import { type ProxyType, proxyTypeSchema } from '../contract/names.ts';
import type { ProxyRoute, ProxyRouteRequest } from '../contract/proxy-routes.ts';
import { failureSentence, PATTERNS } from '../contract/rules.ts';
import type { Engine } from '../engine/engine.ts';
import type { PortRoutes } from '../engine/port-routes.ts';
import type { Journal, World } from '../engine/ports.ts';
import { portRouteOf } from '../engine/routing.ts';
import { NO_SETTINGS, wwwName } from '../engine/site-settings.ts';
import type { AppRecord, PortRoute, PortRouteRecord, RouteModel, SiteSettings } from '../engine/state.ts';
import type { PlanSettings } from '../engine/templates.ts';
import { requireKnownPrefixes } from './app-limits.ts';
import { hashPasswords } from './basic-auth.ts';
import type { RequestContext } from './handlers.ts';

export interface RouteServiceParts {
  engine: Pick<Engine, 'begin' | 'waitFor'>;
  portRoutes: Pick<PortRoutes, 'set' | 'remove'>;
  /** These take routes as they are kept. */
  proxies: World['proxies'];
  journal: Pick<Journal, 'getApp' | 'listApps' | 'getRelease' | 'listPortRoutes' | 'getPortRoute'>;
  settings: Pick<PlanSettings, 'slots_directory'>;
  ports: LocalPorts;
  defaultProxy: ProxyType;
  verifyKey(): string;
}

/** Of this host. */
export interface LocalPorts {
  /** What serves there that no route may lead to, as in `the daemon itself`; null: nothing of the kind. */
  ownerOf(port: number): string | null;
  look(port: number, signal: AbortSignal): Promise<'closed' | 'open' | 'ssh'>;
  isListening(port: number, signal: AbortSignal): Promise<boolean>;
}

/** Of a proxy that is asked what it runs with; one that hangs keeps nobody waiting. */
const READ_BACK_MS_MAX = 10_000;
const PROXY_NAMES: Record<ProxyType, string> = { caddy: 'Caddy', nginx: 'nginx' };

interface Shown {
  route: RouteModel;
  /** Without what is read back. */
  told: Omit<ProxyRoute, 'is_served' | 'detail'>;
}

export class RouteService {
  readonly #parts: RouteServiceParts;

  constructor(parts: RouteServiceParts) {
    this.#parts = parts;
  }

  /** Resolves when the proxy serves it. A caller who goes earlier changes nothing of that. */
  async configure(body: ProxyRouteRequest, context: RequestContext): Promise<ProxyRoute> {
    const { app_name, port, domain } = body;
    if (app_name !== undefined) return this.#configureApp(app_name, body, context);
    if (port === undefined || domain === undefined) throw new Error('the schema lets no such request through');
    return this.#configurePort({ ...body, port, domain }, context);
  }

  /** Those of apps first, then those to ports, each by name. */
  async list(signal: AbortSignal): Promise<ProxyRoute[]> {
    const { journal } = this.#parts;
    const apps = journal.listApps().flatMap((app) => this.#showApp(app) ?? []);
    const ports = journal.listPortRoutes().flatMap((record) => this.#showPort(record) ?? []);
    return this.#readBack([...apps, ...ports], signal);
  }

  /** Throws `not_found`, or `conflict` for what is an app's. */
  async remove(domain: string, context: RequestContext): Promise<ProxyRoute> {
    const { journal, portRoutes } = this.#parts;
    const owner = journal.listApps().find(({ route }) => route?.sites.some((site) => site.domain === domain));
    if (owner !== undefined && journal.getPortRoute(domain) === null) {
      const message = `The route of ${domain} is the app ${owner.name}'s; it goes with its domain or with the app.`;
      throw new DomainError('conflict', message, { details: [{ field: 'domain', message: 'it is an app’s' }] });
    }
    const removed = this.#showPort(await portRoutes.remove(domain, context.actor));
    if (removed === null) throw new Error(`nothing was known of the route ${domain}`);
    return { ...removed.told, is_served: false, detail: '' };
  }

  async #configureApp(name: string, body: ProxyRouteRequest, context: RequestContext): Promise<ProxyRoute> {
    const { engine, journal } = this.#parts;
    const app = journal.getApp(name);
    if (app === null) throw wrong('app_name', `There is no app ${name}; deploy it first.`, 'not_found');
    const known = app.routing ?? NO_SETTINGS;
    if (context.apps !== null) requireKnownPrefixes(body.prefixes, context.apps, known.prefixes);
    const domain = domainOf(journal, app);
    if (body.domain !== undefined && body.domain !== domain) {
      const why = domain === null ? 'it has none' : `that is ${domain}`;
      throw wrong('domain', `This is not the domain of the app ${name}: ${why}. It changes by a deploy.`);
    }
    if (domain !== null) requireWww(domain, body.www);
    await this.#requirePorts(body, context.signal);
    const to = settingsOf(body, await hashPasswords(body.basic_auth, known.basic_auth));
    const { actor, signal } = context;
    const { id } = await engine.begin(name, { kind: 'configure', to }, { actor, idempotency: null, signal });
    requireSuccess(await engine.waitFor(id, signal));
    const changed = journal.getApp(name) ?? app;
    const shown = this.#showApp(changed);
    if (shown !== null) return this.#one(shown, signal);
    const { defaultProxy: proxy_type } = this.#parts;
    const nowhere = { domain: '', app_name: name, port: null, proxy_type, tls: 'off', aliases: [] as string[] } as const;
    const detail = `The app ${name} has no domain; what is configured counts once it has one.`;
    return { ...nowhere, ...toldSettings(to), maintenance: changed.maintenance, is_served: false, detail };
  }

  async #configurePort(body: ProxyRouteRequest & { port: number; domain: string }, context: RequestContext): Promise<ProxyRoute> {
    const { journal, portRoutes, defaultProxy, verifyKey } = this.#parts;
    const { domain, port, aliases, tls, maintenance, proxy_type: proxy = defaultProxy } = body;
    requireWww(domain, body.www);
    await this.#requirePorts(body, context.signal);
    const users = journal.getPortRoute(domain)?.wanted?.settings.basic_auth ?? [];
    const settings = settingsOf(body, await hashPasswords(body.basic_auth, users));
    const wanted = { domain, port, proxy, tls: tls ?? null, aliases, maintenance, settings };
    const change = (previous: PortRoute | null) => ({ ...wanted, verify_key: previous?.verify_key ?? verifyKey() });
    const shown = this.#showPort(await portRoutes.set(domain, change, context.actor));
    if (shown === null) throw new Error(`nothing is known of the route ${domain}`);
    return this.#one(shown, context.signal);
  }

  /** Whatever a route leads to beside apps. */
  async #requirePorts({ port, prefixes }: ProxyRouteRequest, signal: AbortSignal): Promise<void> {
    const asked = [
      { field: 'port', port },
      ...prefixes.map((prefix, index) => ({ field: `prefixes.${index}.port`, port: prefix.port })),
    ];
    const { ports } = this.#parts;
    const check = async (field: string, number: number) => {
      const owner = ports.ownerOf(number) ?? ((await ports.look(number, signal)) === 'ssh' ? 'SSH' : null);
      if (owner !== null) throw wrong(field, `Port ${number} is ${owner}'s, and no route may lead there; choose another.`);
    };
    await Promise.all(asked.map(({ field, port: number }) => (number === undefined ? undefined : check(field, number))));
  }

  async #one(shown: Shown, signal: AbortSignal): Promise<ProxyRoute> {
    const [read] = await this.#readBack([shown], signal);
    if (read === undefined) throw new Error('one route was asked for');
    return read;
  }

  async #readBack(all: readonly Shown[], signal: AbortSignal): Promise<ProxyRoute[]> {
    const { ports, proxies } = this.#parts;
    const details = new Map<Shown, string>();
    const read = async (proxy: ProxyType) => {
      const its = all.filter(({ route }) => route.proxy === proxy);
      if (its.length === 0) return;
      const wait = AbortSignal.any([signal, AbortSignal.timeout(READ_BACK_MS_MAX)]);
      const again = `${PROXY_NAMES[proxy]} does not serve it as it is kept; \`systemctl restart nextdeployd\` tells it again.`;
      const differences = await proxies[proxy]
        .differences(
          its.map(({ route }) => route),
          wait,
        )
        .catch((error: unknown) => {
          signal.throwIfAborted();
          const why = error instanceof DomainError ? error.message : `${PROXY_NAMES[proxy]} does not say what it serves.`;
          return its.map(() => why);
        });
      for (const [index, shown] of its.entries()) {
        const difference = differences[index] ?? null;
        // Of a proxy that does not answer, its own sentence with the remedy.
        if (difference !== null) details.set(shown, difference.endsWith('.') ? difference : again);
      }
    };
    await Promise.all(proxyTypeSchema.options.map(read));
    return Promise.all(
      all.map(async (shown) => {
        const { told } = shown;
        const difference = details.get(shown);
        const isDead = told.port !== null && !(await ports.isListening(told.port, signal));
        const warning = isDead ? `Nothing listens on port ${told.port} of this host yet, so visitors get an error.` : '';
        return { ...told, is_served: difference === undefined, detail: difference ?? warning };
      }),
    );
  }

  /** Null for an app without a domain. */
  #showApp(app: AppRecord): Shown | null {
    const { route } = app;
    if (route === null) return null;
    const domain = domainOf(this.#parts.journal, app) ?? route.sites[0]?.domain ?? '';
    const routing = app.routing ?? NO_SETTINGS;
    const other = wwwName(domain, routing.www);
    const aliases = route.sites.map((site) => site.domain).filter((name) => name !== domain && name !== other);
    const told = {
      ...{ domain, app_name: app.name, port: null, proxy_type: route.proxy, tls: route.sites[0]?.tls ?? 'off', aliases },
      ...toldSettings(routing),
      maintenance: app.maintenance,
    };
    return { route, told };
  }

  /** Null for one of which nothing is known any more. */
  #showPort({ domain, wanted, previous }: PortRouteRecord): Shown | null {
    const shown = wanted ?? previous;
    if (shown === null) return null;
    const route = portRouteOf(shown, this.#parts.settings);
    const { port, proxy: proxy_type, aliases, maintenance, settings } = shown;
    const tls = route.sites[0]?.tls ?? 'off';
    return { route, told: { domain, app_name: null, port, proxy_type, tls, aliases, ...toldSettings(settings), maintenance } };
  }
}

/** As its live release is configured. */
function domainOf(journal: Pick<Journal, 'getRelease'>, { name, release }: AppRecord): string | null {
  return (release === null ? null : journal.getRelease(name, release))?.configuration.domain ?? null;
}

function settingsOf(body: ProxyRouteRequest, basic_auth: SiteSettings['basic_auth']): SiteSettings {
  const { www, redirects, headers, body_bytes_max, compression } = body;
  const prefixes = body.prefixes.map(({ path, strip, app_name, port }): SiteSettings['prefixes'][number] => {
    if (app_name !== undefined) return { path, strip, app_name };
    if (port !== undefined) return { path, strip, port };
    throw new Error('the schema lets no prefix through that leads nowhere');
  });
  return { www, redirects, prefixes, headers, basic_auth, body_bytes_max, compression };
}

function toldSettings({ basic_auth, ...rest }: SiteSettings) {
  return { ...rest, basic_auth: basic_auth.map(({ username }) => ({ username })) };
}

function requireWww(domain: string, www: SiteSettings['www']): void {
  const other = wwwName(domain, www);
  if (other === null) return;
  const isAddress = /^[0-9.]+$/.test(domain);
  if (isAddress) throw wrong('www', `${domain} is an address, which has no www.; use off.`);
  if (!PATTERNS.domain.test(other) || other.length > LIMITS.domain_length_max)
    throw wrong('www', `${other} is no host name; use off.`);
}

function requireSuccess(operation: Operation): void {
  const { id, state, error, evidence } = operation;
  if (state === 'succeeded') return;
  const message = error ? failureSentence(error) : 'The configuration of the route did not succeed.';
  const field = error?.field ?? null;
  const details = field === null ? evidence : [{ field, message: error?.message ?? '' } satisfies FieldError];
  throw new DomainError(state === 'cancelled' ? 'conflict' : 'unprocessable', message, { operation_id: id, details });
}

function wrong(field: string, message: string, code: ErrorCode = 'invalid_request'): DomainError {
  const details: FieldError[] = [{ field, message }];
  return new DomainError(code, message, { details });
}
