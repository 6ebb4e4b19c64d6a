import { Autocomplete, Button, Group, Modal, NumberInput, Select, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useEffect, useState } from 'react';
import { useLocation } from 'wouter';
import { defaultTls } from '../../daemon/contract/rules.ts';
import { fieldErrorsOf, messageOf } from '../bridge/bridge-error.ts';
import { appPath } from '../paths.ts';
import {
  type DeployForm,
  type DeployTemplate,
  emptyDeployForm,
  formErrors,
  formFromTemplate,
  readDeployForm,
} from '../state/deploy-form.ts';
import { useActions, useDaemon, useHost } from '../state/hooks.ts';
import { imageChoices } from '../state/images.ts';
import { lookUp } from '../state/look-up.ts';
import { Notice } from '../ui/notice.tsx';
import { EnvEditor } from './env-editor.tsx';
import { ProductionNote } from './production-note.tsx';

interface DeployDialogProps {
  opened: boolean;
  onClose(): void;
  hostId: string;
  /** What the form starts from: a release whose configuration is to be changed. */
  template?: DeployTemplate;
}

/** Creates an app, or makes a new release of one with another configuration. */
export function DeployDialog(props: DeployDialogProps) {
  const title = props.template === undefined ? 'Deploy an app' : `Deploy ${props.template.app.name} with changes`;
  return (
    <Modal opened={props.opened} onClose={props.onClose} title={title} size={640}>
      <DeployFormView {...props} />
    </Modal>
  );
}

function DeployFormView({ onClose, hostId, template }: DeployDialogProps) {
  const actions = useActions();
  const host = useHost(hostId);
  const daemon = useDaemon(hostId);
  const [, navigate] = useLocation();
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const form = useForm<DeployForm>({
    mode: 'controlled',
    initialValues: template === undefined ? emptyDeployForm() : formFromTemplate(template),
  });
  const { values } = form;
  useEffect(() => {
    actions.refreshImages(hostId).catch(() => undefined); // a name can be typed all the same
  }, [actions, hostId]);

  const submit = async () => {
    setProblem(null);
    const read = readDeployForm(values);
    if (!read.isValid) {
      form.setErrors(formErrors(read.errors));
      setProblem(read.errors.find((error) => !(error.field in values) && !error.field.startsWith('env'))?.message ?? null);
      return;
    }
    setBusy(true);
    try {
      await actions.deploy(hostId, read.request);
      onClose();
      navigate(appPath(hostId, read.request.app_name));
    } catch (error) {
      form.setErrors(formErrors(fieldErrorsOf(error)));
      setProblem(messageOf(error));
      setBusy(false);
    }
  };
  const exists = template === undefined && lookUp(daemon.apps, values.app_name) !== undefined;
  const references = imageChoices(daemon.images ?? [], template?.app.version).map((choice) => choice.reference);

  return (
    <form
      className="nd-form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      {host?.production === true ? <ProductionNote /> : null}
      <div className="nd-form-columns">
        <TextInput
          label="App name"
          placeholder="shop"
          required
          disabled={template !== undefined}
          data-autofocus={template === undefined}
          autoComplete="off"
          {...form.getInputProps('app_name')}
          description={exists ? 'This app exists: its release will be replaced.' : 'Lower case, digits and hyphens.'}
        />
        <Autocomplete
          label="Image"
          placeholder="shop:v1"
          required
          data={[...new Set(references)]}
          limit={50}
          autoComplete="off"
          description={references.length === 0 ? 'No image is on the host yet.' : 'One on the host, or in a registry it reaches.'}
          {...form.getInputProps('image')}
        />
        <TextInput
          label="Domain"
          placeholder="shop.example.com"
          autoComplete="off"
          description="Leave it empty for a worker without a route."
          {...form.getInputProps('domain')}
        />
        <Select
          label="TLS"
          allowDeselect={false}
          data={[
            { value: 'default', label: tlsDefaultText(values.domain) },
            { value: 'auto', label: 'Managed certificate' },
            { value: 'off', label: 'Off: plain HTTP' },
          ]}
          description="Certificates are fetched and renewed."
          {...form.getInputProps('tls')}
        />
        <NumberInput
          label="Port"
          min={1}
          max={65_535}
          allowDecimal={false}
          hideControls
          description="On which the app listens in its container."
          {...form.getInputProps('port')}
        />
        <Select
          label="Health check"
          allowDeselect={false}
          data={[
            { value: 'http', label: 'HTTP: answers with 2xx or 3xx' },
            { value: 'tcp', label: 'TCP: accepts connections' },
            { value: 'none', label: 'None' },
          ]}
          description="What a release must pass before it gets traffic."
          {...form.getInputProps('health_kind')}
        />
        {values.health_kind === 'http' ? (
          <TextInput label="Health path" placeholder="/api/health" autoComplete="off" {...form.getInputProps('health_path')} />
        ) : null}
      </div>
      <EnvEditor rows={values.env} errors={form.errors} onChange={(env) => form.setFieldValue('env', env)} />
      {problem === null ? null : <Notice tone="bad" title="It was not deployed" text={problem} />}
      <Group justify="flex-end" gap={8}>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" variant="filled" loading={isBusy}>
          Deploy
        </Button>
      </Group>
    </form>
  );
}

function tlsDefaultText(domain: string): string {
  const mode = defaultTls(domain.trim() === '' ? undefined : domain.trim());
  return mode === 'auto' ? 'By the domain: managed' : 'By the domain: off';
}
