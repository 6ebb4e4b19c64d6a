import { SegmentedControl, TextInput } from '@mantine/core';
import { type SecretsErrors, type SecretsForm, textHints, valueHints } from '../../state/secrets-form.ts';
import { MaskedArea } from './masked-area.tsx';
import { ScopeChoice, type ScopeNames } from './scope-choice.tsx';

export interface SecretsEditProps extends ScopeNames {
  form: SecretsForm;
  errors: SecretsErrors;
  onChange(part: Partial<SecretsForm>): void;
  /** The secret that is set anew: neither its name nor its scope can be changed. */
  isNamed: boolean;
}

/** Whose secrets, and which. */
export function SecretsEdit(props: SecretsEditProps) {
  const { form, onChange, isNamed } = props;
  return (
    <>
      {isNamed ? null : (
        <ScopeChoice
          {...props}
          label="Given to"
          owner={form}
          onScope={(scope) => onChange({ scope })}
          onProject={(project) => onChange({ project })}
          onApp={(app_name) => onChange({ app_name })}
        />
      )}
      {isNamed ? null : (
        <SegmentedControl
          aria-label="How many"
          fullWidth
          value={form.kind}
          onChange={(kind) => onChange({ kind: kind === 'many' ? 'many' : 'one' })}
          data={[
            { value: 'one', label: 'One secret' },
            { value: 'many', label: 'Paste a .env' },
          ]}
        />
      )}
      {form.kind === 'one' ? <One {...props} /> : <Many {...props} />}
    </>
  );
}

function One({ form, errors, onChange, isNamed }: SecretsEditProps) {
  const hints = valueHints(form.value);
  return (
    <>
      {isNamed ? null : (
        <TextInput
          label="Name"
          placeholder="STRIPE_KEY"
          classNames={{ input: 'nd-mono' }}
          autoComplete="off"
          spellCheck={false}
          autoFocus
          data-autofocus
          value={form.name}
          error={errors.name}
          description="The variable that the app reads."
          onChange={(event) => onChange({ name: event.currentTarget.value })}
        />
      )}
      <MaskedArea
        label="Value"
        minRows={1}
        maxRows={8}
        isFirst={isNamed}
        submitsOnEnter
        value={form.value}
        error={errors.value}
        description={hints.length === 0 ? 'Kept as it is typed, line breaks too.' : `Kept as it is: ${hints.join(', ')}.`}
        onChange={(value) => onChange({ value })}
      />
    </>
  );
}

const NAMES_SHOWN = 8;

function Many({ form, errors, onChange }: SecretsEditProps) {
  return (
    <>
      <MaskedArea
        label="Text of the .env file"
        placeholder={'# paste the file here\nSTRIPE_KEY=…\nSIGNING_KEY="-----BEGIN PRIVATE KEY-----\n…"'}
        minRows={7}
        maxRows={14}
        value={form.text}
        error={errors.text}
        description={manyText(form.text)}
        onChange={(text) => onChange({ text })}
      />
      <div>
        <h3 className="nd-label" id="secrets-mode">
          What the text does not name
        </h3>
        <SegmentedControl
          aria-labelledby="secrets-mode"
          fullWidth
          value={form.mode}
          onChange={(mode) => onChange({ mode: mode === 'replace' ? 'replace' : 'merge' })}
          data={[
            { value: 'merge', label: 'Stays (merge)' },
            { value: 'replace', label: 'Is removed (replace)' },
          ]}
        />
      </div>
    </>
  );
}

function manyText(text: string): string {
  const { count, names, empty } = textHints(text);
  if (count === 0) return 'NAME=value lines, with comments and quotes; the text is read here and never kept.';
  const more = count > NAMES_SHOWN ? ` and ${count - NAMES_SHOWN} more` : '';
  const none = empty.length === 0 ? '' : ` Without a value: ${empty.join(', ')}.`;
  return `${count} ${count === 1 ? 'secret' : 'secrets'}: ${names.slice(0, NAMES_SHOWN).join(', ')}${more}.${none}`;
}
