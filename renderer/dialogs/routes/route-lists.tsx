import { Checkbox, Select, TextInput } from '@mantine/core';
import { type RoutePartProps, TYPED } from './route-parts.tsx';
import { Rows } from './rows.tsx';

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
