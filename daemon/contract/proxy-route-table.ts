/** The part of the table of REST endpoints that is about routes of the proxies. */
import { z } from 'zod';
import { domainNameSchema } from './names.ts';
import { proxyRouteRequestSchema, proxyRouteSchema } from './proxy-routes.ts';
import { noParams, noQuery, nothing, route } from './route.ts';

export const proxyRoutes = {
  configureRoute: route({
    method: 'POST',
    path: '/proxy/configure',
    kind: 'change',
    role: 'operator',
    apps: 'named',
    summary: "Set what the proxy does for an app's site, or a route to a port; answered when the proxy serves it.",
    params: noParams,
    query: noQuery,
    body: proxyRouteRequestSchema,
    response: proxyRouteSchema,
  }),
  listRoutes: route({
    method: 'GET',
    path: '/proxy/routes',
    kind: 'read',
    role: 'viewer',
    apps: 'filtered',
    summary: 'List the routes to apps and ports, each read back from its proxy.',
    params: noParams,
    query: noQuery,
    body: nothing,
    response: z.array(proxyRouteSchema),
  }),
  removeRoute: route({
    method: 'DELETE',
    path: '/proxy/routes/:domain',
    kind: 'change',
    role: 'operator',
    apps: 'never',
    summary: 'Remove a route to a port; the routes of an app go with the app.',
    params: z.strictObject({ domain: domainNameSchema }),
    query: noQuery,
    body: nothing,
    response: proxyRouteSchema,
  }),
};
