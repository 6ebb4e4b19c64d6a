import { Autocomplete, SegmentedControl, Select, TextInput } from '@mantine/core';
import { AUDIT_ACTIONS, type AuditErrors, type AuditFilter, type AuditTime } from '../state/audit.ts';

interface AuditFiltersProps {
  filter: AuditFilter;
  errors: AuditErrors;
  /** Names that can be chosen; others can be typed, for who and what is gone stands in the log still. */
  actors: string[];
  apps: string[];
  onChange(part: Partial<AuditFilter>): void;
}

const TIMES: { value: AuditTime; label: string }[] = [
  { value: 'any', label: 'Any time' },
  { value: 'hour', label: 'Last hour' },
  { value: 'day', label: 'Last 24 hours' },
  { value: 'week', label: 'Last 7 days' },
  { value: 'month', label: 'Last 30 days' },
  { value: 'range', label: 'Between…' },
];

/** What of the audit log is looked for. */
export function AuditFilters({ filter, errors, actors, apps, onChange }: AuditFiltersProps) {
  const typed = { size: 'xs', autoComplete: 'off', spellCheck: false } as const;
  return (
    <search className="nd-audit-filters" aria-label="Filter the audit log">
      <Autocomplete
        {...typed}
        aria-label="Who"
        placeholder="Anybody"
        data-shortcut="filter"
        data={actors}
        value={filter.actor}
        error={errors.actor}
        clearable
        onChange={(actor) => onChange({ actor })}
      />
      <Autocomplete
        {...typed}
        aria-label="App"
        placeholder="Any app"
        data={apps}
        value={filter.app_name}
        error={errors.app_name}
        clearable
        onChange={(app_name) => onChange({ app_name })}
      />
      <Select
        aria-label="What"
        placeholder="Any action"
        data={AUDIT_ACTIONS}
        searchable
        clearable
        value={filter.action}
        onChange={(action) => onChange({ action })}
      />
      <Select
        aria-label="Time"
        data={TIMES}
        allowDeselect={false}
        value={filter.time}
        onChange={(value) => onChange({ time: TIMES.find((each) => each.value === value)?.value ?? 'any' })}
      />
      {filter.time === 'range' ? (
        <>
          <Moment label="From" value={filter.since} error={errors.since} onChange={(since) => onChange({ since })} />
          <Moment label="Until" value={filter.until} error={errors.until} onChange={(until) => onChange({ until })} />
        </>
      ) : null}
      <SegmentedControl
        aria-label="Result"
        value={filter.result}
        onChange={(value) => onChange({ result: value === 'ok' || value === 'refused' ? value : 'all' })}
        data={[
          { value: 'all', label: 'All' },
          { value: 'ok', label: 'Done' },
          { value: 'refused', label: 'Refused' },
        ]}
      />
    </search>
  );
}

interface MomentProps {
  label: string;
  value: string;
  error: string | undefined;
  onChange(value: string): void;
}

function Moment({ label, onChange, ...input }: MomentProps) {
  return (
    <TextInput
      {...input}
      type="datetime-local"
      aria-label={label}
      title={label}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}
