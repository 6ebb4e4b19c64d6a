import { Autocomplete, Button, Group, Modal, NumberInput, Select, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useEffect, useState } from 'react';
import { useLocation } from 'wouter';
import { defaultTls } from '../../daemon/contract/rules.ts';
import { fieldErrorsOf, messageOf } from '../bridge/bridge-error.ts';
import { sentence } from '../format.ts';
import { appPath } from '../paths.ts';
import {
  areAllShown,
  type DeployForm,
  type DeployTemplate,
  deployChanges,
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
import { type DeployBase, useDeployBase } from './use-deploy-base.ts';

interface DeployDialogProps {
  opened: boolean;
  onClose(): void;
  hostId: string;
  /** What the form starts from: a release whose configuration is to be changed. */
  template?: DeployTemplate;
}

/** Creates an app, or makes a new release of one with another configuration. */
export function DeployDialog(props: DeployDialogProps) {
  const title = titleOf(props.template);
  return (
    <Modal opened={props.opened} onClose={props.onClose} title={title} size={640}>
      <DeployFormView {...props} />
    </Modal>
  );
}

function titleOf(template: DeployTemplate | undefined): string {
  if (template === undefined) return 'Deploy an app';
  const { app, release } = template;
  return release.state === 'failed' ? `Try ${app.name} again` : `Deploy ${app.name} with changes`;
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
  const base = useDeployBase(hostId, form, template);
  useEffect(() => {
    actions.refreshImages(hostId).catch(() => undefined); // a name can be typed all the same
  }, [actions, hostId]);

  const submit = async () => {
    if (base.state === 'reading' || base.state === 'failed') return;
    setProblem(null);
    const read = readDeployForm(values);
    if (!read.isValid) {
      form.setErrors(formErrors(read.errors));
      setProblem(areAllShown(read.errors, values) ? null : sentence(read.errors[0]?.message ?? ''));
      return;
    }
    setBusy(true);
    try {
      await actions.deploy(hostId, read.request);
      onClose();
      navigate(appPath(hostId, read.request.app_name));
    } catch (error) {
      const errors = fieldErrorsOf(error);
      form.setErrors(formErrors(errors));
      setProblem(areAllShown(errors, values) ? null : sentence(messageOf(error)));
      setBusy(false);
    }
  };
  const known = lookUp(daemon.apps, values.app_name.trim());
  const references = imageChoices(daemon.images ?? [], known?.version).map((choice) => choice.reference);

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
          readOnly={template !== undefined}
          data-autofocus={template === undefined}
          autoComplete="off"
          {...form.getInputProps('app_name')}
          description={known === undefined ? 'Lower case, digits and hyphens.' : `It exists on ${host?.name ?? 'this host'}.`}
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
          description={isTlsOff(values) ? 'Plain HTTP; no certificate is fetched.' : 'Certificates are fetched and renewed.'}
          {...form.getInputProps('tls')}
        />
        <NumberInput
          label="Port"
          min={1}
          max={65_535}
          clampBehavior="none"
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
      <BaseNotice base={base} values={values} />
      {problem === null ? null : <Notice tone="bad" title="It was not deployed" text={problem} />}
      <Group justify="flex-end" gap={8}>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" variant="filled" loading={isBusy} disabled={base.state === 'reading' || base.state === 'failed'}>
          Deploy
        </Button>
      </Group>
    </form>
  );
}

/** What the app runs with now, and what this deploy would make of it. */
function BaseNotice({ base, values }: { base: DeployBase; values: DeployForm }) {
  switch (base.state) {
    case 'new':
      return null;
    case 'reading':
      return <Notice tone="info" title="Reading the configuration that this app has…" />;
    case 'failed':
      return (
        <Notice tone="bad" title="This app exists, and its configuration could not be read" text={base.message}>
          <Button onClick={base.retry}>Read again</Button>
        </Notice>
      );
    case 'ready': {
      const changes = deployChanges(base.release, values);
      const { app_name, id, state } = base.release;
      const from = state === 'failed' ? `${id}, which failed` : id;
      return (
        <div data-testid="deploy-changes">
          <Notice
            tone="info"
            title={`A new release of ${app_name}, made from ${from}`}
            text={
              changes.length === 0 ? (
                'Nothing differs: the same is deployed once more.'
              ) : (
                <ul>
                  {changes.map((change) => (
                    <li key={change}>{change}</li>
                  ))}
                </ul>
              )
            }
          />
        </div>
      );
    }
  }
}

const domainOf = (domain: string) => (domain.trim() === '' ? undefined : domain.trim());

function isTlsOff({ tls, domain }: DeployForm): boolean {
  return (tls === 'default' ? defaultTls(domainOf(domain)) : tls) === 'off';
}

function tlsDefaultText(domain: string): string {
  return defaultTls(domainOf(domain)) === 'auto' ? 'By the domain: managed' : 'By the domain: off';
}
