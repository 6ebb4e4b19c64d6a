import { Textarea } from '@mantine/core';
import { DEFAULTS } from '../../../daemon/contract/limits.ts';
import { formatTime } from '../../state/quantity.ts';
import { type DeployPartProps, TextField } from './field.tsx';

/** What is run around a switch, and how the old release takes its leave. */
export function LifecycleSection(part: DeployPartProps) {
  return (
    <>
      <Hook
        {...part}
        name="pre_command"
        field="pre_switch"
        timeout="pre_timeout"
        label="Pre-switch command"
        placeholder="node scripts/migrate.js"
        description="Runs once in a container of the new image, before its containers are made: a migration, for instance. Program and arguments; no shell. A failure ends the deploy."
      />
      <Hook
        {...part}
        name="post_command"
        field="post_switch"
        timeout="post_timeout"
        label="Post-switch command"
        placeholder="node scripts/warm-up.js"
        description="Runs once when the new release serves. A failure switches back."
      />
      <div className="nd-form-columns">
        <TextField
          {...part}
          name="watch"
          field="watch_ms"
          label="Watch window"
          placeholder={formatTime(DEFAULTS.watch_ms)}
          description="So long the old release is kept warm, and comes back if the new one fails. 0 s: not at all."
        />
        <TextField
          {...part}
          name="drain"
          field="drain_ms"
          label="Drain"
          placeholder={formatTime(DEFAULTS.drain_ms)}
          description="So long open connections to the old release may last, at most."
        />
        <TextField {...part} name="stop_signal" field="stop_signal" label="Stop signal" placeholder="SIGTERM" />
        <TextField
          {...part}
          name="stop_timeout"
          field="stop_timeout_ms"
          label="Stop time-out"
          placeholder={formatTime(DEFAULTS.stop_timeout_ms)}
          description="Between the stop signal and SIGKILL."
        />
      </div>
    </>
  );
}

interface HookProps extends DeployPartProps {
  name: 'pre_command' | 'post_command';
  timeout: 'pre_timeout' | 'post_timeout';
  field: 'pre_switch' | 'post_switch';
  label: string;
  placeholder: string;
  description: string;
}

function Hook({ name, timeout, field, label, placeholder, description, ...part }: HookProps) {
  const { form, errors, onChange } = part;
  return (
    <div className="nd-hook">
      <Textarea
        label={label}
        placeholder={placeholder}
        description={description}
        classNames={{ input: 'nd-mono' }}
        autosize
        minRows={1}
        maxRows={4}
        spellCheck={false}
        value={form[name]}
        error={errors[`${field}.command`]}
        onChange={(event) => onChange({ [name]: event.currentTarget.value }, `${field}.command`)}
      />
      <TextField
        {...part}
        name={timeout}
        field={`${field}.timeout_ms`}
        label="Time-out"
        placeholder={formatTime(DEFAULTS.hook_timeout_ms)}
      />
    </div>
  );
}
