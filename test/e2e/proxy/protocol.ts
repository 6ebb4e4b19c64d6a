/** What the agent is told to do, and where it does it. */
import type { ProxyType } from '../../../daemon/contract/names.ts';
import type { MarkerState, RouteModel } from '../../../daemon/engine/state.ts';

export type Call =
  | { kind: 'apply'; proxy: ProxyType; app: string; route: RouteModel | null }
  | { kind: 'check'; proxy: ProxyType; route?: RouteModel }
  | { kind: 'version'; proxy: ProxyType }
  | { kind: 'list'; proxy: ProxyType }
  | { kind: 'reload_certificates'; proxy: ProxyType }
  | { kind: 'mark'; app: string; state: MarkerState }
  | { kind: 'page'; app: string; html: string | null };

export interface Outcome {
  /** Of a DomainError, or `crash`; null: it succeeded. */
  code: string | null;
  message: string;
}

export const SLOTS_DIRECTORY = '/var/lib/nextdeploy/slots';
/** nginx's beside Caddy. */
export const NGINX_PORT = 8080;
export const NGINX_HTTPS_PORT = 8443;
export const CERTIFICATES_DIRECTORY = '/etc/nextdeploy/certs';
export const CHALLENGE_DIRECTORY = '/var/lib/nextdeploy/acme';
