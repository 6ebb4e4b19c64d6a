import { ActionIcon, Button, Group, Select, TextInput } from '@mantine/core';
import { Plus, X } from 'lucide-react';
import { defaultTls } from '../../../daemon/contract/rules.ts';
import { nextKey, type RedirectRow } from '../../state/deploy-form.ts';
import { ProxySelect, TlsSelect } from '../tls-and-proxy.tsx';
import { type DeployPartProps, FieldError, WordsField } from './field.tsx';

/** Names beside the domain, and how they are served. */
export function RoutingSection(part: DeployPartProps) {
  const { form, errors, onChange } = part;
  const domain = form.domain.trim();
  const byDomain = defaultTls(domain === '' ? undefined : domain) === 'auto' ? 'By the domain: managed' : 'By the domain: off';
  return (
    <>
      <WordsField
        {...part}
        name="aliases"
        field="aliases"
        label="Aliases"
        placeholder="www.shop.example.com"
        description="Further names that are served as the domain is."
      />
      <Redirects {...part} />
      <div className="nd-form-columns">
        <TlsSelect byDomain={byDomain} value={form.tls} error={errors.tls} onChange={(tls) => onChange({ tls }, 'tls')} />
        <ProxySelect value={form.proxy} error={errors.proxy} onChange={(proxy) => onChange({ proxy }, 'proxy')} />
        <WordsField
          {...part}
          name="more_ports"
          field="ports.more"
          label="Further ports"
          placeholder="9229"
          description="Of the container; only the first is served."
        />
      </div>
    </>
  );
}

const STATUSES = [
  { value: '308', label: '308 permanent' },
  { value: '301', label: '301 permanent' },
  { value: '307', label: '307 for now' },
  { value: '302', label: '302 for now' },
];

function Redirects({ form, errors, onChange }: DeployPartProps) {
  const rows = form.redirects;
  const change = (key: number, part: Partial<RedirectRow>, field: string) =>
    onChange({ redirects: rows.map((row) => (row.key === key ? { ...row, ...part } : row)) }, `redirects.${key}.${field}`);
  return (
    <fieldset className="nd-rows">
      <legend>Redirects</legend>
      {rows.map((row) => (
        <Group key={row.key} gap={6} wrap="nowrap" align="flex-start">
          <TextInput
            className="nd-grow"
            aria-label="Redirected name"
            placeholder="old.example.com"
            value={row.from}
            error={errors[`redirects.${row.key}.from`]}
            onChange={(event) => change(row.key, { from: event.currentTarget.value }, 'from')}
          />
          <span className="nd-rows-arrow">→</span>
          <TextInput
            className="nd-grow"
            aria-label={`Where ${row.from || 'it'} leads`}
            placeholder={form.domain.trim() || 'the domain'}
            value={row.to}
            error={errors[`redirects.${row.key}.to`]}
            onChange={(event) => change(row.key, { to: event.currentTarget.value }, 'to')}
          />
          <Select
            className="nd-rows-kind"
            aria-label={`Status of the redirect of ${row.from || 'it'}`}
            allowDeselect={false}
            data={STATUSES}
            value={String(row.status)}
            onChange={(status) => change(row.key, { status: statusOf(status) }, 'status')}
          />
          <ActionIcon
            aria-label={`Remove the redirect of ${row.from || 'nothing'}`}
            size={30}
            onClick={() => onChange({ redirects: rows.filter((each) => each.key !== row.key) }, `redirects.${row.key}`)}
          >
            <X size={14} />
          </ActionIcon>
        </Group>
      ))}
      <FieldError message={errors.redirects} />
      <Button
        className="nd-rows-add"
        size="compact-sm"
        leftSection={<Plus size={13} />}
        onClick={() => onChange({ redirects: [...rows, { key: nextKey(rows), from: '', to: '', status: 308 }] }, 'redirects')}
      >
        Add redirect
      </Button>
    </fieldset>
  );
}

function statusOf(text: string | null): RedirectRow['status'] {
  return ([301, 302, 307] as const).find((status) => String(status) === text) ?? 308;
}
