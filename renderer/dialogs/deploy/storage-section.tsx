import { ActionIcon, Button, Checkbox, Group, Select, TextInput } from '@mantine/core';
import { Plus, X } from 'lucide-react';
import { nextKey, type VolumeRow } from '../../state/deploy-form.ts';
import { type DeployPartProps, FieldError, WordsField } from './field.tsx';

/** What outlives a container, and the networks it joins. */
export function StorageSection(part: DeployPartProps) {
  return (
    <>
      <Volumes {...part} />
      <WordsField
        {...part}
        name="networks"
        field="networks"
        label="Further networks"
        placeholder="backend"
        description="Docker networks that exist already, beside the daemon’s own."
      />
    </>
  );
}

function Volumes({ form, errors, onChange }: DeployPartProps) {
  const rows = form.volumes;
  const change = (key: number, part: Partial<VolumeRow>, field: string) =>
    onChange({ volumes: rows.map((row) => (row.key === key ? { ...row, ...part } : row)) }, `volumes.${key}.${field}`);
  return (
    <fieldset className="nd-rows">
      <legend>Volumes</legend>
      {rows.map((row) => (
        <Group key={row.key} gap={6} wrap="nowrap" align="flex-start">
          <Select
            className="nd-rows-kind"
            aria-label="Kind of the volume"
            allowDeselect={false}
            data={[
              { value: 'volume', label: 'Named volume' },
              { value: 'bind', label: 'Host directory' },
            ]}
            value={row.kind}
            onChange={(kind) => change(row.key, { kind: kind === 'bind' ? 'bind' : 'volume' }, 'source')}
          />
          <TextInput
            className="nd-grow"
            aria-label={row.kind === 'volume' ? 'Name of the volume' : 'Directory of the host'}
            placeholder={row.kind === 'volume' ? 'shop-uploads' : '/srv/shop'}
            value={row.source}
            error={errors[`volumes.${row.key}.source`]}
            onChange={(event) => change(row.key, { source: event.currentTarget.value }, 'source')}
          />
          <span className="nd-rows-arrow">at</span>
          <TextInput
            className="nd-grow"
            aria-label={`Where ${row.source || 'it'} is in the container`}
            placeholder="/app/uploads"
            value={row.target}
            error={errors[`volumes.${row.key}.target`]}
            onChange={(event) => change(row.key, { target: event.currentTarget.value }, 'target')}
          />
          <Checkbox
            className="nd-rows-check"
            label="read-only"
            checked={row.read_only}
            onChange={(event) => change(row.key, { read_only: event.currentTarget.checked }, 'read_only')}
          />
          <ActionIcon
            aria-label={`Remove the volume ${row.source || 'without a name'}`}
            size={30}
            onClick={() => onChange({ volumes: rows.filter((each) => each.key !== row.key) }, `volumes.${row.key}`)}
          >
            <X size={14} />
          </ActionIcon>
        </Group>
      ))}
      <FieldError message={errors.volumes} />
      {rows.some(({ kind }) => kind === 'bind') ? (
        <p className="nd-hint">
          A directory of the host must lie beneath one of <code>volumes.bind_roots</code> of its daemon’s configuration.
        </p>
      ) : null}
      <Button
        className="nd-rows-add"
        size="compact-sm"
        leftSection={<Plus size={13} />}
        onClick={() =>
          onChange(
            { volumes: [...rows, { key: nextKey(rows), kind: 'volume', source: '', target: '', read_only: false }] },
            'volumes',
          )
        }
      >
        Add volume
      </Button>
    </fieldset>
  );
}
