import { SegmentedControl, TextInput } from '@mantine/core';
import { DEFAULTS } from '../../../daemon/contract/limits.ts';
import type { ProviderKind } from '../../../daemon/contract/secrets.ts';
import type { ProviderErrors, ProviderForm } from '../../state/provider-form.ts';
import { MaskedArea } from './masked-area.tsx';

interface ProviderEditProps {
  form: ProviderForm;
  errors: ProviderErrors;
  onChange(part: Partial<ProviderForm>): void;
}

const KINDS: { value: ProviderKind; label: string }[] = [
  { value: 'doppler', label: 'Doppler' },
  { value: 'aws_ssm', label: 'AWS Parameter Store' },
  { value: 'age', label: 'age file' },
];

/** Which provider, what it is asked for, and what lets the daemon in. */
export function ProviderEdit(props: ProviderEditProps) {
  const { form, onChange } = props;
  return (
    <>
      <SegmentedControl
        aria-label="Provider"
        fullWidth
        value={form.kind}
        onChange={(value) => onChange({ kind: KINDS.find((each) => each.value === value)?.value ?? 'doppler' })}
        data={KINDS}
      />
      {form.kind === 'doppler' ? <Doppler {...props} /> : form.kind === 'aws_ssm' ? <Aws {...props} /> : <Age {...props} />}
    </>
  );
}

interface FieldProps extends ProviderEditProps {
  name: 'project' | 'config' | 'region' | 'path' | 'access_key_id' | 'endpoint' | 'file';
  label: string;
  placeholder: string;
  description?: string;
}

function Field({ form, errors, onChange, name, ...input }: FieldProps) {
  return (
    <TextInput
      {...input}
      classNames={{ input: 'nd-mono' }}
      autoComplete="off"
      spellCheck={false}
      value={form[name]}
      error={errors[name]}
      onChange={(event) => onChange({ [name]: event.currentTarget.value })}
    />
  );
}

interface CredentialProps extends ProviderEditProps {
  name: 'token' | 'secret_access_key' | 'session_token' | 'identity';
  label: string;
  placeholder?: string;
  description: string;
}

/** One line that nobody behind the operator is to read. */
function Credential({ form, errors, onChange, name, ...area }: CredentialProps) {
  return (
    <MaskedArea
      {...area}
      minRows={1}
      maxRows={4}
      submitsOnEnter
      value={form[name]}
      error={errors[name]}
      onChange={(value) => onChange({ [name]: value })}
    />
  );
}

function Doppler(props: ProviderEditProps) {
  return (
    <>
      <div className="nd-form-columns">
        <Field {...props} name="project" label="Project at Doppler" placeholder="shop" />
        <Field {...props} name="config" label="Config" placeholder="prd" />
      </div>
      <Credential
        {...props}
        name="token"
        label="Service token"
        placeholder="dp.st.prd.…"
        description="One that may read this config, and nothing else."
      />
      <Field
        {...props}
        name="endpoint"
        label="Address (optional)"
        placeholder={DEFAULTS.doppler_endpoint}
        description="Only where Doppler is not reached at its own."
      />
    </>
  );
}

function Aws(props: ProviderEditProps) {
  const { form, onChange } = props;
  return (
    <>
      <div className="nd-form-columns">
        <Field {...props} name="region" label="Region" placeholder="eu-central-1" />
        <Field {...props} name="path" label="Path" placeholder="/shop/production" />
      </div>
      <p className="nd-hint">
        Parameters beneath the path become secrets: <span className="nd-mono">…/db/url</span> is{' '}
        <span className="nd-mono">DB_URL</span>.
      </p>
      <SegmentedControl
        aria-label="Credentials"
        fullWidth
        value={form.credentials}
        onChange={(value) => onChange({ credentials: value === 'host' ? 'host' : 'keys' })}
        data={[
          { value: 'keys', label: 'An access key' },
          { value: 'host', label: 'What the host itself has' },
        ]}
      />
      {form.credentials === 'host' ? (
        <p className="nd-hint">Such as the role of its instance; nothing is kept here then.</p>
      ) : (
        <>
          <div className="nd-form-columns">
            <Field {...props} name="access_key_id" label="Access key id" placeholder="AKIA…" />
            <Credential
              {...props}
              name="secret_access_key"
              label="Secret access key"
              description="It may call GetParametersByPath."
            />
          </div>
          <Credential
            {...props}
            name="session_token"
            label="Session token (optional)"
            description="Of temporary credentials; they end, and pulls with them."
          />
        </>
      )}
      <Field {...props} name="endpoint" label="Address (optional)" placeholder="that of the region" />
    </>
  );
}

function Age(props: ProviderEditProps) {
  return (
    <>
      <Field
        {...props}
        name="file"
        label="File on the server"
        placeholder="/etc/nextdeploy/age/shop.age"
        description="A .env file, encrypted by age, beneath a directory that the server’s configuration allows."
      />
      <Credential
        {...props}
        name="identity"
        label="Identity"
        placeholder="AGE-SECRET-KEY-1…"
        description="The line of what age-keygen wrote, of a recipient that the file was made for."
      />
    </>
  );
}
