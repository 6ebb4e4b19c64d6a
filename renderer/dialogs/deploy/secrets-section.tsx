import { Select } from '@mantine/core';
import type { DeployForm } from '../../state/deploy-form.ts';
import { type DeployPartProps, TextField } from './field.tsx';

const WAYS: { value: DeployForm['secrets']; label: string }[] = [
  { value: 'env', label: 'as variables' },
  { value: 'file', label: 'as files in /run/secrets' },
  { value: 'none', label: 'not at all' },
];

/** How the app is given its secrets; the secrets themselves are set apart from deploys. */
export function SecretsSection(part: DeployPartProps) {
  const { form, onChange } = part;
  return (
    <div className="nd-form-columns">
      <Select
        label="The app gets its secrets"
        description="Variables win over those of the environment; files are not in docker inspect."
        data={WAYS}
        allowDeselect={false}
        value={form.secrets}
        onChange={(secrets) => onChange({ secrets: secrets ?? 'env' }, 'secrets')}
      />
      <TextField
        {...part}
        name="project"
        field="project"
        label="Project"
        placeholder="none"
        description="Apps of one project share its secrets."
      />
    </div>
  );
}
