import { Checkbox, PasswordInput, SegmentedControl, Select, Switch, TagsInput, Textarea, TextInput } from '@mantine/core';
import { DEFAULTS } from '../../../daemon/contract/limits.ts';
import type { RouteErrors, RouteForm } from '../../state/route-form.ts';
import { Rows } from './rows.tsx';

export interface RoutePartProps {
  form: RouteForm;
  errors: RouteErrors;
  /** Apps that a prefix can lead to. */
  apps: string[];
  onChange(part: Partial<RouteForm>): void;
}

const TYPED = { autoComplete: 'off', spellCheck: false } as const;

/** Further names, how `www.` is handled, and of a route to a port its proxy and TLS. */
export function NamesPart({ form, errors, onChange }: RoutePartProps) {
  const domain = form.domain.trim() || 'example.com';
  return (
    <>
      <div>
        <h3 className="nd-label" id="route-www">
          www.
        </h3>
        <SegmentedControl
          aria-labelledby="route-www"
          fullWidth
          value={form.www}
          onChange={(value) => onChange({ www: value === 'add' || value === 'remove' ? value : 'off' })}
          data={[
            { value: 'off', label: 'Leave it' },
            { value: 'remove', label: 'Redirect www. away' },
            { value: 'add', label: 'Redirect to www.' },
          ]}
        />
        <p className="nd-hint">
          {form.www === 'off'
            ? `${domain} alone is served.`
            : form.www === 'add'
              ? `${domain} is redirected to www.${domain}, which is served.`
              : `www.${domain} is redirected to ${domain}.`}
        </p>
      </div>
      {form.app_name !== null ? null : (
        <>
          <TagsInput
            label="Aliases"
            size="xs"
            splitChars={[',', ' ']}
            description="Further names that are served alike."
            value={form.aliases}
            error={errors.aliases}
            onChange={(aliases) => onChange({ aliases })}
          />
          <div className="nd-form-columns">
            <Select
              label="TLS"
              allowDeselect={false}
              data={[
                { value: 'default', label: 'By its domain' },
                { value: 'auto', label: 'Managed certificate' },
                { value: 'import', label: 'One that is imported' },
                { value: 'off', label: 'Off: plain HTTP' },
              ]}
              value={form.tls}
              error={errors.tls}
              onChange={(tls) => onChange({ tls: tls === 'auto' || tls === 'import' || tls === 'off' ? tls : 'default' })}
            />
            <Select
              label="Proxy"
              allowDeselect={false}
              data={[
                { value: 'default', label: 'The host’s default' },
                { value: 'caddy', label: 'Caddy' },
                { value: 'nginx', label: 'nginx' },
              ]}
              value={form.proxy_type}
              error={errors.proxy_type}
              onChange={(proxy) => onChange({ proxy_type: proxy === 'caddy' || proxy === 'nginx' ? proxy : 'default' })}
            />
          </div>
        </>
      )}
    </>
  );
}

export function PrefixesPart({ form, errors, apps, onChange }: RoutePartProps) {
  return (
    <Rows
      what="prefix"
      rows={form.prefixes}
      error={errors.prefixes}
      hint="Paths that another app, or a program at a port, serves on this site."
      blank={{ path: '', target: '', strip: false }}
      nameOf={({ path }) => path}
      onChange={(prefixes) => onChange({ prefixes })}
      render={(row, change) => (
        <>
          <TextInput
            {...TYPED}
            className="nd-grow"
            aria-label="Path"
            placeholder="/api"
            value={row.path}
            error={errors[`prefixes.${row.key}.path`]}
            onChange={(event) => change({ path: event.currentTarget.value })}
          />
          <span className="nd-rows-arrow">→</span>
          <TextInput
            {...TYPED}
            className="nd-grow"
            aria-label={`What serves ${row.path || 'it'}`}
            placeholder="an app or a port"
            list="route-apps"
            value={row.target}
            error={errors[`prefixes.${row.key}.target`] ?? errors[`prefixes.${row.key}`]}
            onChange={(event) => change({ target: event.currentTarget.value })}
          />
          <datalist id="route-apps">
            {apps.map((name) => (
              <option key={name} value={name} />
            ))}
          </datalist>
          <Checkbox
            className="nd-rows-check"
            label="cut it off"
            title="What serves it gets the path without the prefix"
            checked={row.strip}
            onChange={(event) => change({ strip: event.currentTarget.checked })}
          />
        </>
      )}
    />
  );
}

const STATUSES = [
  { value: '308', label: '308 permanent' },
  { value: '301', label: '301 permanent' },
  { value: '307', label: '307 for now' },
  { value: '302', label: '302 for now' },
];

export function RedirectsPart({ form, errors, onChange }: RoutePartProps) {
  return (
    <Rows
      what="redirect"
      rows={form.redirects}
      error={errors.redirects}
      hint="Paths of this site that lead elsewhere: to another path, or to another site."
      blank={{ from: '', to: '', status: 308 as const }}
      nameOf={({ from }) => from}
      onChange={(redirects) => onChange({ redirects })}
      render={(row, change) => (
        <>
          <TextInput
            {...TYPED}
            className="nd-grow"
            aria-label="Redirected path"
            placeholder="/old"
            value={row.from}
            error={errors[`redirects.${row.key}.from`]}
            onChange={(event) => change({ from: event.currentTarget.value })}
          />
          <span className="nd-rows-arrow">→</span>
          <TextInput
            {...TYPED}
            className="nd-grow"
            aria-label={`Where ${row.from || 'it'} leads`}
            placeholder="/new"
            value={row.to}
            error={errors[`redirects.${row.key}.to`] ?? errors[`redirects.${row.key}`]}
            onChange={(event) => change({ to: event.currentTarget.value })}
          />
          <Select
            className="nd-rows-kind"
            aria-label={`Status of the redirect of ${row.from || 'it'}`}
            allowDeselect={false}
            data={STATUSES}
            value={String(row.status)}
            onChange={(text) => change({ status: ([301, 302, 307] as const).find((each) => String(each) === text) ?? 308 })}
          />
        </>
      )}
    />
  );
}

export function HeadersPart({ form, errors, onChange }: RoutePartProps) {
  return (
    <Rows
      what="header"
      rows={form.headers}
      error={errors.headers}
      hint="Put on every answer, in place of the app’s own of that name."
      blank={{ name: '', value: '' }}
      nameOf={({ name }) => name}
      onChange={(headers) => onChange({ headers })}
      render={(row, change) => (
        <>
          <TextInput
            {...TYPED}
            className="nd-env-name"
            aria-label="Name of the header"
            placeholder="X-Frame-Options"
            value={row.name}
            error={errors[`headers.${row.key}.name`]}
            onChange={(event) => change({ name: event.currentTarget.value })}
          />
          <TextInput
            {...TYPED}
            className="nd-grow"
            aria-label={`Value of ${row.name || 'the header'}`}
            placeholder="DENY"
            value={row.value}
            error={errors[`headers.${row.key}.value`]}
            onChange={(event) => change({ value: event.currentTarget.value })}
          />
        </>
      )}
    />
  );
}

/** Who is let in at all: those with a password, and nobody during maintenance. */
export function AccessPart({ form, errors, onChange }: RoutePartProps) {
  return (
    <>
      <Rows
        what="user"
        rows={form.users}
        error={errors.users}
        hint="With at least one, visitors must give a name and a password (basic authentication)."
        blank={{ username: '', password: '', isKept: false }}
        nameOf={({ username }) => username}
        onChange={(users) => onChange({ users })}
        render={(row, change) => (
          <>
            <TextInput
              {...TYPED}
              className="nd-env-name"
              aria-label="Name of the user"
              placeholder="ops"
              readOnly={row.isKept}
              value={row.username}
              error={errors[`users.${row.key}.username`]}
              onChange={(event) => change({ username: event.currentTarget.value })}
            />
            <PasswordInput
              className="nd-grow"
              autoComplete="new-password"
              aria-label={`Password of ${row.username || 'the user'}`}
              placeholder={row.isKept ? 'kept as it is; type to change it' : 'password'}
              value={row.password}
              error={errors[`users.${row.key}.password`]}
              onChange={(event) => change({ password: event.currentTarget.value })}
            />
          </>
        )}
      />
      {form.app_name !== null ? null : (
        <>
          <Switch
            label="Maintenance"
            description="Visitors get a page that says so (503)."
            checked={form.maintenance !== null}
            onChange={(event) => onChange({ maintenance: event.currentTarget.checked ? DEFAULTS.maintenance_message : null })}
          />
          {form.maintenance === null ? null : (
            <Textarea
              label="Message"
              autosize
              minRows={1}
              maxRows={4}
              value={form.maintenance}
              error={errors.maintenance}
              onChange={(event) => onChange({ maintenance: event.currentTarget.value.replace(/\s*\n\s*/g, ' ') })}
            />
          )}
        </>
      )}
    </>
  );
}

export function LimitsPart({ form, errors, onChange }: RoutePartProps) {
  return (
    <>
      <TextInput
        {...TYPED}
        label="Largest body of a request"
        placeholder="what serves it decides"
        description="Such as 10 MiB; larger ones are refused with 413."
        value={form.body_max}
        error={errors.body_bytes_max}
        onChange={(event) => onChange({ body_max: event.currentTarget.value })}
      />
      <Switch
        label="Compress answers"
        description="By the proxy, where what serves it has not. Next.js compresses by itself."
        checked={form.compression}
        onChange={(event) => onChange({ compression: event.currentTarget.checked })}
      />
    </>
  );
}
