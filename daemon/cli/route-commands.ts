/** Routes: what the proxies do for the sites of apps, and for programs that are no apps. */
import type { Command } from 'commander';
import { DomainError } from '../contract/errors.ts';
import type { ProxyRoute, ProxyRouteRequestInput } from '../contract/proxy-routes.ts';
import { confirmByName } from './confirm.ts';
import type { Act, Context } from './context.ts';
import { addPortFlags, addSiteFlags, type PortFlags, type SiteFlags } from './route-flags.ts';
import { appRequest, type GivenPassword, portRequest } from './route-request.ts';
import { routeDetails, routeTable } from './route-views.ts';
import { readAll } from './secret-flags.ts';
import { ask, printable, type Terminal } from './terminal.ts';

export function addRoutes(program: Command, act: Act): void {
  const routes = program.command('routes').description('what the proxies do for sites, and routes to programs that are no apps');
  routes
    .command('list', { isDefault: true })
    .description('list the routes to apps and ports, each read back from its proxy')
    .action((_flags, command: Command) =>
      act(command, async ({ client, show }) => {
        const all = await client.call('listRoutes');
        await show(all, () => routeTable(all));
      }),
    );
  routes
    .command('show <name>')
    .description('show one route in full, by its domain or its app')
    .action((name: string, _flags, command: Command) =>
      act(command, async ({ client, show }) => {
        const all = await client.call('listRoutes');
        const found = all.find(({ app_name, domain, aliases }) => app_name === name || domain === name || aliases.includes(name));
        if (!found) throw new DomainError('not_found', `There is no route ${printable(name)}; \`nextdeploy routes\` lists them.`);
        await show(found, () => routeDetails(found));
      }),
    );
  addSiteFlags(routes.command('configure <app>'))
    .description("set what the proxy does for an app's site; what no flag names stays as it is")
    .addHelpText('after', CONFIGURE_HELP)
    .action((app: string, flags: SiteFlags, command: Command) =>
      act(command, (context) =>
        configure(
          context,
          flags,
          ({ app_name }) => app_name === app,
          (current, given) => appRequest(app, flags, current, given),
        ),
      ),
    );
  addSiteFlags(addPortFlags(routes.command('set <domain>')))
    .description('have a domain lead to a port of this server, or change that; what no flag names stays as it is')
    .addHelpText('after', SET_HELP)
    .action((domain: string, flags: PortFlags, command: Command) =>
      act(command, (context) =>
        configure(
          context,
          flags,
          (route) => route.domain === domain && route.port !== null,
          (current, given) => portRequest(domain, flags, current, given),
        ),
      ),
    );
  routes
    .command('remove <domain>')
    .description('remove a route to a port, when its domain is typed once more; routes of apps go with the app')
    .option('-y, --yes', 'do not ask, for scripts')
    .action((domain: string, { yes }: { yes?: boolean }, command: Command) =>
      act(command, async ({ client, show, terminal }) => {
        if (yes !== true) {
          const what = `This removes the route of ${printable(domain)}`;
          await confirmByName(terminal, domain, { what, nothing: 'Nothing was removed' });
        }
        const removed = await client.call('removeRoute', { params: { domain } });
        await show(removed, () => `The route of ${removed.domain} to port ${removed.port} is removed.`);
      }),
    );
}

async function configure(
  { client, show, terminal }: Context,
  flags: SiteFlags,
  isMeant: (route: ProxyRoute) => boolean,
  request: (current: ProxyRoute | null, given: GivenPassword | null) => ProxyRouteRequestInput,
): Promise<void> {
  const { basicAuthUser: username } = flags;
  // Before anything is asked for that is wrong already.
  const known = flags.reset === true ? undefined : (await client.call('listRoutes')).find(isMeant);
  request(known ?? null, null);
  const given = username === undefined ? null : { username, password: await readPassword(username, terminal) };
  const route = await client.call('configureRoute', { body: request(known ?? null, given) });
  await show(route, () => routeDetails(route));
}

/** One line end at the end is the terminal's, or `echo`'s. */
async function readPassword(username: string, terminal: Terminal): Promise<string> {
  const password = terminal.stdin.isTTY
    ? ((await ask(terminal, `Password of ${printable(username)} (it is shown while you type): `)) ?? '')
    : (await readAll(terminal)).replace(/\r?\n$/, '');
  if (password === '') throw new DomainError('invalid_request', `Nothing was set: ${printable(username)} got no password.`);
  return password;
}

const CONFIGURE_HELP = `
What is configured belongs to the app: deploys and rollbacks keep it. --redirect and --prefix stand for all of them; a header or user is added to those
that are there.

Examples:
  nextdeploy routes configure shop --header 'X-Frame-Options: DENY' --www remove
  nextdeploy routes configure shop --prefix /blog=blog --prefix /metrics=9100:strip
  pass show shop/preview | nextdeploy routes configure shop --basic-auth-user preview`;

const SET_HELP = `
Examples:
  nextdeploy routes set wiki.example.com --port 3000
  nextdeploy routes set wiki.example.com --maintenance 'Back at noon.'
  nextdeploy routes set wiki.example.com --port 3000 --alias notes.example.com --tls off --compress`;
