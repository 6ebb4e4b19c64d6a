import { Checkbox } from '@mantine/core';
import { type DeployPartProps, TextField, WordsField } from './field.tsx';

/** What the container may do. */
export function SecuritySection(part: DeployPartProps) {
  const { form, onChange } = part;
  return (
    <>
      <div className="nd-form-columns">
        <TextField
          {...part}
          name="user"
          field="user"
          label="User"
          placeholder="the image’s own"
          description="A name or number, with a group if need be: 1000:1000."
        />
        <WordsField
          {...part}
          name="capabilities"
          field="capabilities"
          label="Kept capabilities"
          placeholder="none"
          description="All others are dropped."
        />
      </div>
      <Checkbox
        label="Read-only root file system"
        description="The app can write to its volumes only."
        checked={form.read_only_root}
        onChange={(event) => onChange({ read_only_root: event.currentTarget.checked }, 'read_only_root')}
      />
    </>
  );
}
