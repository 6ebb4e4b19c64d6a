/** What the renderer may call and open, over hosts, sessions and settings. */
import { DomainError, toInvalidRequest } from '../../daemon/contract/errors.ts';
import type { Route } from '../../daemon/contract/route.ts';
import { type RouteName, routes } from '../../daemon/contract/routes.ts';
import { Sealed } from '../../daemon/secrets/sealed.ts';
import type { InstallStep, Settings } from '../../preload/contract.ts';
import { followStream } from './daemon-streams.ts';
import type { settingsFile } from './host-store.ts';
import type { Hosts } from './hosts.ts';
import type { CallHandlers, ChannelContext, ChannelHandlers } from './link.ts';
import type { Credentials } from './ssh/credentials.ts';
import { serveTerminal } from './terminal.ts';

export interface HandlerOptions {
  hosts: Hosts;
  settings: ReturnType<typeof settingsFile>;
  install: (hostId: string, onStep: (step: InstallStep) => void, signal: AbortSignal) => Promise<void>;
  version: string;
  shell: 'electron' | 'web';
}

export function callHandlers({ hosts, settings, version, shell }: HandlerOptions): CallHandlers {
  return {
    'console.info': async () => ({ version, shell, platform: process.platform }),
    'settings.get': async () => (await settings.read()).settings,
    'settings.set': async (changed: Settings) => {
      await settings.write({ version: 1, settings: changed });
      return changed;
    },
    'hosts.list': async () => hosts.list(),
    'hosts.add': (input) => hosts.add(input),
    'hosts.update': ({ host, changes }) => hosts.update(host, changes),
    'hosts.remove': async ({ host }) => {
      await hosts.remove(host);
      return undefined;
    },
    'hosts.connect': ({ host, password, passphrase }) => hosts.connect(host, seal(password, passphrase)),
    'hosts.disconnect': async ({ host }) => hosts.disconnect(host),
    'hosts.trust': ({ host, sha256 }) => hosts.trust(host, sha256),
    daemon: ({ host, route, ...request }, signal) => callDaemon(hosts, host, route, request, signal),
  };
}

export function channelHandlers({ hosts, install }: HandlerOptions): ChannelHandlers {
  return {
    'hosts.watch': (_input, context) => watchHosts(hosts, context),
    'hosts.install': async ({ host }, context) => {
      await install(host, (step) => void context.send(step).catch(() => undefined), context.signal);
    },
    'daemon.stream': ({ host, ...request }, { signal, send }) => followStream(hosts.session(host), { ...request, signal }, send),
    terminal: ({ host, ...size }, context) => serveTerminal(hosts.session(host).ssh(), size, context),
  };
}

/** The list now and after every change; changes that come while one is on its way are one. */
async function watchHosts(hosts: Hosts, { signal, send }: ChannelContext<'hosts.watch'>): Promise<void> {
  let isStale = true;
  let wake = () => {};
  const stop = hosts.watch(() => {
    isStale = true;
    wake();
  });
  signal.addEventListener('abort', () => wake(), { once: true });
  try {
    while (!signal.aborted) {
      if (isStale) {
        isStale = false;
        await send(hosts.list());
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    stop();
  }
}

interface DaemonRequest {
  params?: Record<string, string> | undefined;
  query?: Record<string, unknown> | undefined;
  body?: unknown;
}

/** One call to a daemon, checked here first: an error then names the field without a journey to the server. */
async function callDaemon(
  hosts: Hosts,
  host: string,
  name: RouteName,
  request: DaemonRequest,
  signal: AbortSignal,
): Promise<unknown> {
  const route: Route = routes[name];
  if (route.kind === 'upload' || route.kind === 'download')
    throw new DomainError('invalid_request', 'Files are not sent from a window; use the command `nextdeploy`.');
  const parts = [
    ['path', route.params, request.params ?? {}],
    ['query', route.query, request.query ?? {}],
    ['body', route.body, request.body],
  ] as const;
  for (const [where, schema, value] of parts) {
    const parsed = schema.safeParse(value);
    if (!parsed.success) throw toInvalidRequest(parsed.error, where);
  }
  const client = hosts.session(host).client();
  // Name and parts fit each other: each was just checked by this route's own schemas.
  const call = client.call.bind(client) as (name: RouteName, options: object) => Promise<unknown>;
  return call(name, { ...request, signal });
}

function seal(password: string | undefined, passphrase: string | undefined): Credentials {
  return {
    ...(password === undefined ? {} : { password: new Sealed(password) }),
    ...(passphrase === undefined ? {} : { passphrase: new Sealed(passphrase) }),
  };
}
