import type { ContainerSpec, Inspection } from './ports.ts';

export interface ModelContainer {
  spec: ContainerSpec;
  is_running: boolean;
  is_kept: boolean;
  /** Null: it has never run. */
  started_at: string | null;
  /** How often Docker has started it again. */
  restarts: number;
  exit_code: number | null;
  oom_killed: boolean;
}

export function observe(
  name: string,
  { spec, is_running, started_at, restarts, exit_code, oom_killed }: ModelContainer,
): Inspection {
  const { app_name, release, slot, operation_id, role } = spec;
  const inspected = { exit_code, oom_killed, restart_count: restarts, started_at };
  return { id: name, name, app_name, release, slot, operation_id, role: role.kind, is_running, ...inspected };
}

/** Somebody else's, under a name that an app might want. */
export function foreignContainer(name: string): ModelContainer {
  const role = { kind: 'replica', replica: 0 };
  const spec = { role, slot: 'blue', name, app_name: '', operation_id: '', release: '', env: {} };
  const never = { started_at: null, restarts: 0, exit_code: null, oom_killed: false };
  // Nobody looks at the rest of it.
  return { spec: spec as unknown as ContainerSpec, is_running: true, is_kept: true, ...never };
}
