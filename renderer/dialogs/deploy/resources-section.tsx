import { LIMITS } from '../../../daemon/contract/limits.ts';
import { type DeployPartProps, NumberField, TextField } from './field.tsx';

/** How much of the host the app gets. */
export function ResourcesSection(part: DeployPartProps) {
  return (
    <div className="nd-form-columns nd-form-thirds">
      <NumberField
        {...part}
        name="replicas"
        field="replicas"
        label="Replicas"
        min={1}
        max={LIMITS.replicas_max}
        placeholder="1"
        description={`1 to ${LIMITS.replicas_max}, balanced by the proxy.`}
      />
      <TextField
        {...part}
        name="cpus"
        field="limits.cpus"
        label="CPU limit"
        placeholder="none"
        description="Cores for each replica, such as 0.5."
      />
      <TextField
        {...part}
        name="memory"
        field="limits.memory_bytes"
        label="Memory limit"
        placeholder="none"
        description="For each replica, such as 512 MiB."
      />
    </div>
  );
}
