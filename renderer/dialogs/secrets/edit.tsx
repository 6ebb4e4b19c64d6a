import { Autocomplete, SegmentedControl, TextInput } from '@mantine/core';
import { type SecretsErrors, type SecretsForm, textHints, valueHints } from '../../state/secrets-form.ts';
import { MaskedArea } from './masked-area.tsx';

export interface SecretsEditProps {
  form: SecretsForm;
  errors: SecretsErrors;
  onChange(part: Partial<SecretsForm>): void;
  /** Names that can be chosen; others can be typed, for secrets may be there before their app is. */
  apps: string[];
  projects: string[];
  /** The app that the dialog was opened for, whose scopes these are then; null: any. */
  app: { name: string; project: string | null } | null;
  /** The secret that is set anew: neither its name nor its scope can be changed. */
  isNamed: boolean;
}

/** Whose secrets, and which. */
export function SecretsEdit(props: SecretsEditProps) {
  const { form, onChange, isNamed } = props;
  return (
    <>
      {isNamed ? null : <Scope {...props} />}
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

const SCOPE_TEXT: Record<SecretsForm['scope'], string> = {
  global: 'Every app of this host is given them; what a project or an app sets itself wins.',
  project: 'Every app of the project is given them; what an app sets itself wins.',
  app: 'This app alone is given them, before those of its project and the global ones.',
};

function Scope({ form, errors, onChange, apps, projects, app }: SecretsEditProps) {
  const isProjectless = app !== null && app.project === null;
  return (
    <div>
      <h3 className="nd-label" id="secrets-scope">
        Given to
      </h3>
      <SegmentedControl
        aria-labelledby="secrets-scope"
        fullWidth
        value={form.scope}
        onChange={(scope) => onChange({ scope: scope === 'global' || scope === 'project' ? scope : 'app' })}
        data={[
          { value: 'global', label: 'All apps' },
          {
            value: 'project',
            label: app === null || app.project === null ? 'A project’s apps' : `Project ${app.project}`,
            disabled: isProjectless,
          },
          { value: 'app', label: app === null ? 'One app' : `${app.name} only` },
        ]}
      />
      <p className="nd-hint">
        {SCOPE_TEXT[form.scope]}
        {isProjectless ? ` ${app.name} is in no project; a deploy can put it into one.` : ''}
      </p>
      {form.scope === 'project' && app === null ? (
        <Autocomplete
          className="nd-secret-owner"
          label="Project"
          placeholder="storefront"
          data={projects}
          autoComplete="off"
          spellCheck={false}
          value={form.project}
          error={errors.project}
          onChange={(project) => onChange({ project })}
        />
      ) : null}
      {form.scope === 'app' && app === null ? (
        <Autocomplete
          className="nd-secret-owner"
          label="App"
          placeholder="shop"
          data={apps}
          autoComplete="off"
          spellCheck={false}
          value={form.app_name}
          error={errors.app_name}
          description={
            apps.includes(form.app_name.trim()) || form.app_name.trim() === ''
              ? undefined
              : 'No such app is here yet; its first deploy takes them.'
          }
          onChange={(app_name) => onChange({ app_name })}
        />
      ) : null}
    </div>
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
