/** The containers of a release, as data. Pure. */
import type { AppConfiguration } from '../contract/configuration.ts';
import type { Release } from '../contract/domain.ts';
import { DEFAULTS } from '../contract/limits.ts';
import type { Slot } from '../contract/names.ts';
import { containerName, type Subnet, slotAddress } from './slots.ts';
import type { AppRecord, NewRelease } from './state.ts';
import type { ContainerPlan, ContainerTemplate } from './steps.ts';

export interface PlanSettings {
  subnet: Subnet;
  /** Holds a directory per app with its marker. */
  slots_directory: string;
}

export function containersOf(
  app: Pick<AppRecord, 'name' | 'index'>,
  slot: Slot,
  configuration: AppConfiguration,
  replicas: number,
  settings: PlanSettings,
): ContainerPlan[] {
  return Array.from({ length: replicas }, (_, replica) => ({
    name: containerName(app.name, slot, replica),
    address: slotAddress(settings.subnet, app.index, slot, replica),
    port: servedPort(configuration),
  }));
}

/**
 * PORT is what the configuration serves, whatever the request's env says, because the probes and the proxy go there. HOSTNAME defaults to
 * 0.0.0.0 (Docker's own HOSTNAME, a name that only resolves inside, would make Next.js listen on one address); the request's env wins.
 */
export function templateOf(app: string, release: Release | NewRelease, slot: Slot, operation_id: string): ContainerTemplate {
  const { configuration } = release;
  const {
    env,
    ports,
    limits,
    volumes,
    networks,
    user,
    read_only_root,
    capabilities,
    stop_signal,
    stop_timeout_ms,
    drain_ms,
    log,
  } = configuration;
  return {
    app_name: app,
    release: release.id,
    slot,
    operation_id,
    env: { HOSTNAME: '0.0.0.0', ...env, PORT: String(servedPort(configuration)) },
    ports,
    limits,
    volumes,
    networks,
    user: user ?? null,
    read_only_root,
    capabilities,
    stop_signal: stop_signal ?? null,
    stop_timeout_ms,
    drain_ms,
    log,
  };
}

function servedPort(configuration: AppConfiguration): number {
  return configuration.ports[0] ?? DEFAULTS.port;
}
