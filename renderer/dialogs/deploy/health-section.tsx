import { DEFAULTS } from '../../../daemon/contract/limits.ts';
import { formatTime } from '../../state/quantity.ts';
import { type DeployPartProps, NumberField, TextField } from './field.tsx';

/** How patient the health check is. */
export function HealthSection(part: DeployPartProps) {
  const { health_kind } = part.form;
  if (health_kind === 'none') return <p className="nd-dim">There is no health check, so there is nothing to set.</p>;
  return (
    <div className="nd-form-columns">
      <TextField
        {...part}
        name="health_deadline"
        field="health.deadline_ms"
        label="Healthy within"
        placeholder={formatTime(DEFAULTS.health_deadline_ms)}
        description="A new container that has not answered well by then fails the deploy."
      />
      <TextField
        {...part}
        name="health_interval"
        field="health.interval_ms"
        label="Interval"
        placeholder={formatTime(DEFAULTS.health_interval_ms)}
        description="Between two probes."
      />
      <TextField
        {...part}
        name="health_timeout"
        field="health.timeout_ms"
        label="Time-out"
        placeholder={formatTime(DEFAULTS.health_timeout_ms)}
        description="Of one probe."
      />
      <NumberField
        {...part}
        name="health_retries"
        field="health.retries"
        label="Failures until unhealthy"
        min={1}
        max={100}
        placeholder={String(DEFAULTS.health_retries)}
        description="In a row, of a container that serves."
      />
      <TextField
        {...part}
        name="health_start_period"
        field="health.start_period_ms"
        label="Start period"
        placeholder={formatTime(DEFAULTS.health_start_period_ms)}
        description="So long after a restart failures do not count."
      />
      {health_kind === 'http' ? (
        <div className="nd-range">
          <NumberField
            {...part}
            name="health_status_min"
            field="health.status.min"
            label="Good answers from"
            min={100}
            max={599}
            placeholder={String(DEFAULTS.health_status.min)}
          />
          <NumberField
            {...part}
            name="health_status_max"
            field="health.status.max"
            label="to"
            min={100}
            max={599}
            placeholder={String(DEFAULTS.health_status.max)}
          />
        </div>
      ) : null}
    </div>
  );
}
