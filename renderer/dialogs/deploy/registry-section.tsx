import { Checkbox, PasswordInput, TextInput } from '@mantine/core';

export interface RegistryLogin {
  registry_username: string;
  registry_password: string;
  pull: 'missing' | 'always';
}

interface RegistrySectionProps {
  login: RegistryLogin;
  /** By `registry.username`, `registry.password`, `pull`. */
  errors: Readonly<Record<string, string>>;
  onChange(change: Partial<RegistryLogin>, field: string): void;
}

/** How a private registry is pulled from. What is typed here goes with this one request, and is kept nowhere. */
export function RegistrySection({ login, errors, onChange }: RegistrySectionProps) {
  return (
    <>
      <div className="nd-form-columns">
        <TextInput
          label="User name"
          placeholder="none: a public image"
          autoComplete="off"
          spellCheck={false}
          value={login.registry_username}
          error={errors['registry.username']}
          onChange={(event) => onChange({ registry_username: event.currentTarget.value }, 'registry.username')}
        />
        <PasswordInput
          label="Password or token"
          autoComplete="new-password"
          description="Used for this deploy and kept nowhere."
          value={login.registry_password}
          error={errors['registry.password']}
          onChange={(event) => onChange({ registry_password: event.currentTarget.value }, 'registry.password')}
        />
      </div>
      <Checkbox
        label="Pull even if an image of that name is on the host"
        checked={login.pull === 'always'}
        onChange={(event) => onChange({ pull: event.currentTarget.checked ? 'always' : 'missing' }, 'pull')}
      />
    </>
  );
}
