import { Autocomplete, Select } from '@mantine/core';
import { defaultTls } from '../../../daemon/contract/rules.ts';
import { EnvEditor } from '../env-editor.tsx';
import { type DeployPartProps, NumberField, TextField } from './field.tsx';

interface BasicsProps extends DeployPartProps {
  /** The name cannot be changed: a release of that very app is the template. */
  isNamed: boolean;
  /** What is said of the name: whether such an app exists. */
  nameText: string;
  /** References of the images on the host. */
  images: string[];
}

/** What every deploy decides. */
export function Basics({ isNamed, nameText, images, ...part }: BasicsProps) {
  const { form, errors, onChange } = part;
  return (
    <>
      <div className="nd-form-columns">
        <TextField
          {...part}
          name="app_name"
          field="app_name"
          label="App name"
          placeholder="shop"
          required
          readOnly={isNamed}
          isFirst={!isNamed}
          description={nameText}
        />
        <Autocomplete
          label="Image"
          placeholder="shop:v1"
          required
          data={images}
          limit={50}
          autoComplete="off"
          description={images.length === 0 ? 'No image is on the host yet.' : 'One on the host, or in a registry it reaches.'}
          value={form.image}
          error={errors.image}
          onChange={(image) => onChange({ image }, 'image')}
        />
        <TextField
          {...part}
          name="domain"
          field="domain"
          label="Domain"
          placeholder="shop.example.com"
          description={domainText(form.domain)}
        />
        <NumberField
          {...part}
          name="port"
          field="ports"
          label="Port"
          min={1}
          max={65_535}
          description="On which the app listens in its container."
        />
        <Select
          label="Health check"
          allowDeselect={false}
          data={[
            { value: 'http', label: 'HTTP: answers well' },
            { value: 'tcp', label: 'TCP: accepts connections' },
            { value: 'none', label: 'None' },
          ]}
          description="What a release must pass before it gets traffic."
          value={form.health_kind}
          error={errors['health.kind']}
          onChange={(kind) => onChange({ health_kind: kind === 'tcp' || kind === 'none' ? kind : 'http' }, 'health.kind')}
        />
        {form.health_kind === 'http' ? (
          <TextField {...part} name="health_path" field="health.path" label="Health path" placeholder="/api/health" />
        ) : null}
      </div>
      <EnvEditor rows={form.env} errors={errors} onChange={(env) => onChange({ env }, 'env')} />
    </>
  );
}

function domainText(domain: string): string {
  const name = domain.trim();
  if (name === '') return 'Leave it empty for a worker without a route.';
  return defaultTls(name) === 'auto'
    ? 'Its certificate is fetched and renewed.'
    : 'Plain HTTP: no authority certifies this name.';
}
