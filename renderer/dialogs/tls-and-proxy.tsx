import { Select } from '@mantine/core';
import type { ProxyType, TlsMode } from '../../daemon/contract/names.ts';

interface ChoiceProps<Value> {
  value: Value | 'default';
  error: string | undefined;
  onChange(value: Value | 'default'): void;
}

/** `byDomain`: what is said of leaving it to the domain. */
export function TlsSelect({ value, error, byDomain, onChange }: ChoiceProps<TlsMode> & { byDomain: string }) {
  return (
    <Select
      label="TLS"
      allowDeselect={false}
      data={[
        { value: 'default', label: byDomain },
        { value: 'auto', label: 'Managed certificate' },
        { value: 'import', label: 'One that is imported' },
        { value: 'off', label: 'Off: plain HTTP' },
      ]}
      value={value}
      error={error}
      onChange={(tls) => onChange(tls === 'auto' || tls === 'import' || tls === 'off' ? tls : 'default')}
    />
  );
}

export function ProxySelect({ value, error, onChange }: ChoiceProps<ProxyType>) {
  return (
    <Select
      label="Proxy"
      allowDeselect={false}
      data={[
        { value: 'default', label: 'The host’s default' },
        { value: 'caddy', label: 'Caddy' },
        { value: 'nginx', label: 'nginx' },
      ]}
      value={value}
      error={error}
      onChange={(proxy) => onChange(proxy === 'caddy' || proxy === 'nginx' ? proxy : 'default')}
    />
  );
}
