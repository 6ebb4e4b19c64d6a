import { Checkbox } from '@mantine/core';
import { type DeployPartProps, TextField } from './field.tsx';

/** Which secrets the app is given; the secrets themselves are set apart from deploys. */
export function SecretsSection(part: DeployPartProps) {
  const { form, onChange } = part;
  return (
    <>
      <Checkbox
        label="Give the app its secrets"
        description="As variables, which win over those of the environment: global ones, its project’s, its own."
        checked={form.secrets === 'env'}
        onChange={(event) => onChange({ secrets: event.currentTarget.checked ? 'env' : 'none' }, 'secrets')}
      />
      <TextField
        {...part}
        name="project"
        field="project"
        label="Project"
        placeholder="none"
        description="Apps of one project share its secrets."
      />
    </>
  );
}
