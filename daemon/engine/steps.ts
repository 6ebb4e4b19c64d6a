/** The steps an operation is made of, as data: everything is decided when the plan is made, so running them leaves no choices. */
import type { HealthCheck, Slot, StepName, TlsMode } from '../contract/domain.ts';
import type { MarkerState, RouteModel } from './state.ts';

/** One container of a slot. The image comes from the `pull` step, pinned by its content id. */
export interface ContainerPlan {
  name: string;
  address: string;
  port: number;
}

export interface ContainerTemplate {
  app_name: string;
  release: string;
  slot: Slot;
  operation_id: string;
  env: Record<string, string>;
  ports: number[];
  stop_timeout_ms: number;
}

interface Common {
  /** `unwind`: undo what was done so far. `stuck`: there is no way back from here, so retry, then tell the operator. */
  on_failure: 'unwind' | 'stuck';
}

export type Step = Common &
  (
    | { name: 'validate'; app_name: string; domain: string | null; needs_proxy: boolean }
    | { name: 'pull'; app_name: string; release: string; image: string; pinned_image_id: string | null }
    | { name: 'create'; template: ContainerTemplate; containers: ContainerPlan[] }
    | { name: 'start'; containers: ContainerPlan[] }
    | { name: 'route'; app_name: string; route: RouteModel | null; previous: RouteModel | null }
    | { name: 'probe'; containers: ContainerPlan[]; health: HealthCheck }
    | { name: 'switch'; app_name: string; to: Serving; from: Serving; containers: ContainerPlan[]; replaces: ContainerPlan[] }
    | { name: 'verify'; domain: string; tls: TlsMode; path: string; slot: Slot; verify_key: string; is_new_domain: boolean }
    | { name: 'drain'; addresses: string[]; drain_ms: number }
    | {
        name: 'retire';
        app_name: string;
        containers: ContainerPlan[];
        stop_timeout_ms: number;
        final_route: RouteModel | null | 'unchanged';
      }
    | { name: 'stop'; app_name: string; containers: ContainerPlan[]; stop_timeout_ms: number }
    | { name: 'remove'; app_name: string }
  );

/** What an app serves, before and after a switch. `marker` null: there is none yet. */
export interface Serving {
  marker: MarkerState | null;
  release: string | null;
  slot: Slot | null;
}

export type StepOf<N extends StepName> = Extract<Step, { name: N }>;

/** The steps that leave something behind which an unwinding takes back; the others only look, or stand after the point of no return. */
export const UNDOABLE = { create: true, route: true, switch: true } as const satisfies Partial<Record<StepName, true>>;
export type UndoableStep = keyof typeof UNDOABLE;

export function isUndoable(name: StepName): name is UndoableStep {
  return name in UNDOABLE;
}

/** What stays when an undoable step is not undone, for the operator. */
export function describeLeft(step: Step): string {
  switch (step.name) {
    case 'create':
      return `the container ${step.containers.map(({ name }) => name).join(', ')}`;
    case 'route':
      return `the proxy's route of ${step.app_name}`;
    case 'switch':
      return `the marker of ${step.app_name}`;
    default:
      return step.name;
  }
}

const SLACK_MS = 30_000;

/** How long one attempt at a step may take, in milliseconds. */
export function stepDeadlineMs(step: Step): number {
  switch (step.name) {
    case 'pull':
      return 15 * 60_000;
    case 'probe':
      return (step.health.kind === 'none' ? 0 : step.health.deadline_ms) + SLACK_MS;
    case 'verify':
      return 120_000;
    case 'drain':
      return step.drain_ms + SLACK_MS;
    case 'retire':
    case 'stop':
      return step.stop_timeout_ms + 2 * SLACK_MS;
    case 'create':
    case 'start':
    case 'route':
    case 'remove':
      return 60_000;
    case 'validate':
    case 'switch':
      return SLACK_MS;
  }
}
