import { ActionIcon, Button, Group, Textarea, TextInput } from '@mantine/core';
import { ClipboardPaste, Plus, X } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { type ParsedEnv, parseEnvText } from '../../daemon/contract/env-text.ts';
import { type EnvRow, nextKey } from '../state/deploy-form.ts';
import { lookUp } from '../state/look-up.ts';

interface EnvEditorProps {
  rows: readonly EnvRow[];
  /** By `env.NAME`. */
  errors: Readonly<Record<string, ReactNode>>;
  onChange(rows: EnvRow[]): void;
}

/** Names and values, a row each. A whole `.env` file can be pasted, into its own field or into any name. */
export function EnvEditor({ rows, errors, onChange }: EnvEditorProps) {
  const [isPasting, setPasting] = useState(false);
  const change = (key: number, part: Partial<EnvRow>) =>
    onChange(rows.map((row) => (row.key === key ? { ...row, ...part } : row)));
  const take = (parsed: ParsedEnv) => onChange(mergedRows(rows, parsed.env));
  return (
    <fieldset className="nd-env">
      <legend>Environment</legend>
      {rows.map((row) => (
        <Group key={row.key} gap={6} wrap="nowrap" align="flex-start">
          <TextInput
            aria-label="Name of the variable"
            placeholder="NAME"
            className="nd-env-name"
            value={row.name}
            error={errors[`env.${row.name.trim()}`]}
            autoComplete="off"
            spellCheck={false}
            onChange={(event) => change(row.key, { name: event.currentTarget.value })}
            onPaste={(event) => {
              const text = event.clipboardData.getData('text/plain');
              if (!text.includes('=')) return;
              event.preventDefault();
              onChange(
                mergedRows(
                  rows.filter((each) => each.key !== row.key || each.name !== ''),
                  parseEnvText(text).env,
                ),
              );
            }}
          />
          <TextInput
            aria-label={`Value of ${row.name || 'the variable'}`}
            placeholder="value"
            className="nd-grow"
            value={row.value}
            autoComplete="off"
            spellCheck={false}
            onChange={(event) => change(row.key, { value: event.currentTarget.value })}
          />
          <ActionIcon
            aria-label={`Remove ${row.name || 'the variable'}`}
            size={30}
            onClick={() => onChange(rows.filter((each) => each.key !== row.key))}
          >
            <X size={14} />
          </ActionIcon>
        </Group>
      ))}
      {errors.env === undefined ? null : <p className="nd-field-error">{errors.env}</p>}
      {isPasting ? (
        <PasteField
          onTake={(parsed) => {
            take(parsed);
            setPasting(false);
          }}
          onCancel={() => setPasting(false)}
        />
      ) : (
        <Group gap={6}>
          <Button
            size="compact-sm"
            leftSection={<Plus size={13} />}
            onClick={() => onChange([...rows, { key: nextKey(rows), name: '', value: '' }])}
          >
            Add variable
          </Button>
          <Button size="compact-sm" leftSection={<ClipboardPaste size={13} />} onClick={() => setPasting(true)}>
            Paste .env
          </Button>
        </Group>
      )}
    </fieldset>
  );
}

function PasteField({ onTake, onCancel }: { onTake(parsed: ParsedEnv): void; onCancel(): void }) {
  const [text, setText] = useState('');
  const parsed = parseEnvText(text);
  const first = parsed.problems[0];
  const count = Object.keys(parsed.env).length;
  return (
    <>
      <Textarea
        aria-label="Text of the .env file"
        placeholder={'# paste the file here\nDATABASE_URL=postgres://…'}
        className="nd-env-paste"
        autosize
        minRows={4}
        maxRows={12}
        autoFocus
        value={text}
        error={first === undefined ? undefined : `Line ${first.line}: ${first.message}`}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      <Group gap={6}>
        <Button size="compact-sm" disabled={count === 0 || first !== undefined} onClick={() => onTake(parsed)}>
          Take {count} {count === 1 ? 'variable' : 'variables'}
        </Button>
        <Button size="compact-sm" variant="subtle" onClick={onCancel}>
          Cancel
        </Button>
      </Group>
    </>
  );
}

/** Rows with the values of `env`: known names are changed in place, others come after. */
function mergedRows(rows: readonly EnvRow[], env: Readonly<Record<string, string>>): EnvRow[] {
  const changed = rows.map((row) => ({ ...row, value: lookUp(env, row.name.trim()) ?? row.value }));
  const known = new Set(rows.map((row) => row.name.trim()));
  let key = nextKey(rows);
  const added = Object.entries(env)
    .filter(([name]) => !known.has(name))
    .map(([name, value]) => ({ key: key++, name, value }));
  return [...changed, ...added];
}
