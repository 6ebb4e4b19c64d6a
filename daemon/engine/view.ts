/** What the API shows of the engine's records. Pure. */
import type { AppStatus, DeploymentStatus, Operation, OperationStep, Release } from '../contract/domain.ts';
import { DEFAULTS } from '../contract/limits.ts';
import { defaultTls, previousRelease } from '../contract/rules.ts';
import type { ObservedContainer } from './ports.ts';
import type { AppRecord, OperationRecord, StepRecord } from './state.ts';

export function toOperation(record: OperationRecord): Operation {
  const { id, app_name, kind, state, actor, release, from_release, image, slot, created_at, ended_at, error, evidence } = record;
  const steps = record.steps.map(toStep);
  return { id, app_name, kind, state, actor, release, from_release, image, slot, created_at, ended_at, steps, error, evidence };
}

/** A step that failed stays `failed` when what it left was taken back: what went wrong is worth more than that it is gone. */
function toStep(record: StepRecord): OperationStep {
  const { started_at, ended_at } = record;
  const isUndoneLater = record.state === 'done' && record.undo === 'done';
  const state = isUndoneLater ? 'undone' : record.state;
  const detail = record.undo === 'running' ? 'being undone' : record.detail;
  return { name: record.step.name, state, started_at, ended_at, detail };
}

export interface ObservedApp {
  app: AppRecord;
  /** All of its releases that a rollback may go to, and the live one. */
  releases: readonly Release[];
  /** The container of the live slot. */
  container: ObservedContainer | null;
  health: AppStatus['health'];
  operation: OperationRecord | null;
}

export function toAppStatus({ app, releases, container, health, operation }: ObservedApp): AppStatus {
  const live = releases.find((release) => release.id === app.release) ?? null;
  // Before a first success, what was asked for last is all there is to show.
  const shown = live ?? releases[0] ?? null;
  const domain = shown?.configuration.domain ?? null;
  const tls = shown?.configuration.tls ?? defaultTls(domain ?? undefined);
  return {
    name: app.name,
    status: statusOf(app, container, operation),
    container_id: container?.id ?? null,
    port: shown?.configuration.ports[0] ?? DEFAULTS.port,
    domain,
    url: domain === null ? null : `${tls === 'auto' ? 'https' : 'http'}://${domain}`,
    version: shown?.image ?? '',
    updated_at: app.updated_at,
    slot: app.wanted === 'running' ? app.slot : null,
    release: app.release,
    previous_release: previousRelease(releases, app.release)?.id ?? null,
    replicas: container === null ? 0 : 1,
    proxy: shown?.configuration.proxy ?? 'caddy',
    tls,
    health,
    operation_id: operation?.id ?? null,
    last_error: app.last_error,
  };
}

function statusOf(app: AppRecord, container: ObservedContainer | null, operation: OperationRecord | null): DeploymentStatus {
  if (operation !== null) return 'updating';
  if (app.wanted === 'stopped') return 'stopped';
  if (app.release === null || container === null || !container.is_running) return 'error';
  return 'running';
}
