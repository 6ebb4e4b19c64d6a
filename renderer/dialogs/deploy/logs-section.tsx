import { DEFAULTS } from '../../../daemon/contract/limits.ts';
import { formatSize } from '../../state/quantity.ts';
import { type DeployPartProps, NumberField, TextField } from './field.tsx';

/** How much of its output is kept. */
export function LogsSection(part: DeployPartProps) {
  return (
    <div className="nd-form-columns">
      <TextField
        {...part}
        name="log_size"
        field="log.file_bytes_max"
        label="Size of a log file"
        placeholder={formatSize(DEFAULTS.container_log_bytes)}
        description="When it is full a new one is begun."
      />
      <NumberField
        {...part}
        name="log_files"
        field="log.files"
        label="Files kept"
        min={1}
        max={100}
        placeholder={String(DEFAULTS.container_log_files)}
        description="For each replica; the oldest goes."
      />
    </div>
  );
}
