import { tokenRequestSchema } from '../../daemon/contract/access.ts';
import { certificateImportRequestSchema, certificateRenewRequestSchema } from '../../daemon/contract/certificates.ts';
import { proxyRouteRequestSchema } from '../../daemon/contract/proxy-routes.ts';
import { type RouteName, routes } from '../../daemon/contract/routes.ts';
import { createToken, listAudit, revokeToken } from './scripted-access.ts';
import { Refusal } from './scripted-bridge.ts';
import { importCertificate, removeCertificate, renewCertificate } from './scripted-certificates.ts';
import { configureRoute, removeRoute } from './scripted-routes.ts';
import type { WorldHost } from './world.ts';

interface Asked {
  route: RouteName;
  params: { id?: string; domain?: string } | undefined;
  query: unknown;
  body: unknown;
}

/** What the scripted daemon says of itself and of its sites, beside its apps: no operation is begun by any of it. */
export function answerOf(world: WorldHost, { route, params, query, body }: Asked): unknown {
  switch (route) {
    case 'listRoutes':
      return world.routes;
    case 'configureRoute':
      return configureRoute(world, proxyRouteRequestSchema.parse(body));
    case 'removeRoute':
      return removeRoute(world, params?.domain ?? '');
    case 'listCertificates':
      return world.certificates;
    case 'renewCertificate':
      return renewCertificate(world, certificateRenewRequestSchema.parse(body));
    case 'importCertificate':
      return importCertificate(world, certificateImportRequestSchema.parse(body));
    case 'removeCertificate':
      return removeCertificate(world, params?.domain ?? '');
    case 'listAudit':
      return listAudit(world, routes.listAudit.query.parse(query ?? {}));
    case 'listTokens':
      return world.tokens;
    case 'createToken':
      return createToken(world, tokenRequestSchema.parse(body));
    case 'revokeToken':
      return revokeToken(world, params?.id ?? '');
    default:
      throw new Refusal({ code: 'not_found', message: `The script has no answer for ${route}.` });
  }
}
