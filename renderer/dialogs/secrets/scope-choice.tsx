import { Autocomplete, SegmentedControl } from '@mantine/core';
import { useId } from 'react';
import type { SecretScope } from '../../../daemon/contract/secrets.ts';

/** What can be chosen from. */
export interface ScopeNames {
  /** Names that can be chosen; others can be typed, for secrets may be there before their app is. */
  apps: string[];
  projects: string[];
  /** The app that the dialog was opened for, whose scopes these are then; null: any. */
  app: { name: string; project: string | null } | null;
}

interface ScopeChoiceProps extends ScopeNames {
  label: string;
  owner: { scope: SecretScope; project: string; app_name: string };
  errors: { project?: string | undefined; app_name?: string | undefined };
  onScope(scope: SecretScope): void;
  onProject(name: string): void;
  onApp(name: string): void;
}

const SCOPE_TEXT: Record<SecretScope, string> = {
  global: 'Every app of this host is given them; what a project or an app sets itself wins.',
  project: 'Every app of the project is given them; what an app sets itself wins.',
  app: 'This app alone is given them, before those of its project and the global ones.',
};

/** Whose secrets: all apps', a project's, or one app's. */
export function ScopeChoice({ label, owner, errors, onScope, onProject, onApp, apps, projects, app }: ScopeChoiceProps) {
  const id = useId();
  const isProjectless = app !== null && app.project === null;
  const isKnown = apps.includes(owner.app_name.trim()) || owner.app_name.trim() === '';
  const input = { className: 'nd-secret-owner', autoComplete: 'off', spellCheck: false };
  return (
    <div>
      <h3 className="nd-label" id={id}>
        {label}
      </h3>
      <SegmentedControl
        aria-labelledby={id}
        fullWidth
        value={owner.scope}
        onChange={(scope) => onScope(scope === 'global' || scope === 'project' ? scope : 'app')}
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
        {SCOPE_TEXT[owner.scope]}
        {isProjectless ? ` ${app.name} is in no project; a deploy can put it into one.` : ''}
      </p>
      {owner.scope === 'project' && app === null ? (
        <Autocomplete
          {...input}
          label="Project"
          placeholder="storefront"
          data={projects}
          value={owner.project}
          error={errors.project}
          onChange={onProject}
        />
      ) : null}
      {owner.scope === 'app' && app === null ? (
        <Autocomplete
          {...input}
          label="App"
          placeholder="shop"
          data={apps}
          value={owner.app_name}
          error={errors.app_name}
          description={isKnown ? undefined : 'No such app is here yet; its first deploy takes them.'}
          onChange={onApp}
        />
      ) : null}
    </div>
  );
}
