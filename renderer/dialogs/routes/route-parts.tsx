import { PasswordInput, SegmentedControl, Switch, TagsInput, Textarea, TextInput } from '@mantine/core';
import { DEFAULTS } from '../../../daemon/contract/limits.ts';
import type { RouteErrors, RouteForm } from '../../state/route-form.ts';
import { ProxySelect, TlsSelect } from '../tls-and-proxy.tsx';
import { Rows } from './rows.tsx';

export interface RoutePartProps {
  form: RouteForm;
  errors: RouteErrors;
  /** Apps that a prefix can lead to. */
  apps: string[];
  onChange(part: Partial<RouteForm>): void;
}

export const TYPED = { autoComplete: 'off', spellCheck: false } as const;

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
            ? 'Nothing is redirected for its sake.'
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
            <TlsSelect byDomain="By its domain" value={form.tls} error={errors.tls} onChange={(tls) => onChange({ tls })} />
            <ProxySelect value={form.proxy_type} error={errors.proxy_type} onChange={(proxy_type) => onChange({ proxy_type })} />
          </div>
        </>
      )}
    </>
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
