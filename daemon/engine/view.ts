/** What the API shows of the engine's records. Pure. */
import type { AppStatus, DeploymentStatus, Operation, OperationStep, Release } from '../contract/domain.ts';
import { DEFAULTS } from '../contract/limits.ts';
import { defaultTls, isHttps, previousRelease } from '../contract/rules.ts';
import type { ObservedContainer } from './ports.ts';
import type { AppRecord, OperationRecord, StepProgress, StepRecord } from './state.ts';

/** `progress`: how far a step of it is that is under way. */
export function toOperation(record: OperationRecord, progress: StepProgress | null = null): Operation {
  const { id, app_name, kind, state, actor, release, from_release, image, slot, created_at, ended_at, error, evidence } = record;
  const steps = record.steps.map((step) => toStep(step, progress));
  return { id, app_name, kind, state, actor, release, from_release, image, slot, created_at, ended_at, steps, error, evidence };
}

/** A step that failed stays `failed` when what it left was taken back: what went wrong is worth more than that it is gone. */
function toStep(record: StepRecord, progress: StepProgress | null): OperationStep {
  const { started_at, ended_at, output } = record;
  const isUndoneLater = record.state === 'done' && record.undo === 'done';
  const state = isUndoneLater ? 'undone' : record.state;
  const detail = record.undo === 'running' ? 'being undone' : record.detail;
  const current = record.state === 'running' && progress?.step === record.step.name ? progress : null;
  return {
    name: record.step.name,
    state,
    started_at,
    ended_at,
    detail,
    output: output.lines ?? current?.lines ?? null,
    layers: current?.layers ?? null,
  };
}

export interface ObservedApp {
  app: AppRecord;
  /** All of its releases that a rollback may go to, and the live one. */
  releases: readonly Release[];
  /** Those of the live slot, in order of replicas. */
  containers: readonly ObservedContainer[];
  health: AppStatus['health'];
  operation: OperationRecord | null;
}

export function toAppStatus({ app, releases, containers, health, operation }: ObservedApp): AppStatus {
  const live = releases.find((release) => release.id === app.release) ?? null;
  // Before a first success, what was asked for last is all there is to show.
  const shown = live ?? releases[0] ?? null;
  const domain = shown?.configuration.domain ?? null;
  const tls = shown?.configuration.tls ?? defaultTls(domain ?? undefined);
  return {
    name: app.name,
    status: statusOf(app, containers, operation),
    container_id: containers[0]?.id ?? null,
    port: shown?.configuration.ports[0] ?? DEFAULTS.port,
    domain,
    url: domain === null ? null : `${isHttps(tls) ? 'https' : 'http'}://${domain}`,
    version: shown?.image ?? '',
    updated_at: app.updated_at,
    slot: app.wanted === 'running' ? app.slot : null,
    release: app.release,
    previous_release: previousRelease(releases, app.release)?.id ?? null,
    replicas: containers.filter(({ is_running }) => is_running).length,
    replicas_wanted: app.replicas,
    aliases: shown?.configuration.aliases ?? [],
    maintenance: app.maintenance,
    nextcore: shown?.nextcore ?? null,
    proxy: shown?.configuration.proxy ?? 'caddy',
    tls,
    health,
    operation_id: operation?.id ?? null,
    last_error: app.last_error,
  };
}

function statusOf(app: AppRecord, containers: readonly ObservedContainer[], operation: OperationRecord | null): DeploymentStatus {
  if (operation !== null) return 'updating';
  if (app.wanted === 'stopped') return 'stopped';
  return app.release !== null && containers.some(({ is_running }) => is_running) ? 'running' : 'error';
}
