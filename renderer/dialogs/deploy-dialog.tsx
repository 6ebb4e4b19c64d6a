import { Button, Group, Modal } from '@mantine/core';
import { useEffect, useState } from 'react';
import { useLocation } from 'wouter';
import type { FieldError } from '../../daemon/contract/errors.ts';
import { fieldErrorsOf, messageOf } from '../bridge/bridge-error.ts';
import { sentence } from '../format.ts';
import { appPath } from '../paths.ts';
import { areAllShown, errorsBySection, type FormErrors, formErrors, type Section } from '../state/deploy-fields.ts';
import { type DeployForm, type DeployTemplate, emptyDeployForm, formFromTemplate, replicasOf } from '../state/deploy-form.ts';
import { readDeployForm } from '../state/deploy-request.ts';
import { useActions, useDaemon, useHost } from '../state/hooks.ts';
import { imageChoices } from '../state/images.ts';
import { lookUp } from '../state/look-up.ts';
import { Notice } from '../ui/notice.tsx';
import { BaseNotice } from './deploy/base-notice.tsx';
import { Basics } from './deploy/basics.tsx';
import { Sections } from './deploy/sections.tsx';
import { focusFirstError } from './focus-first-error.ts';
import { ProductionNote } from './production-note.tsx';
import { useDeployBase } from './use-deploy-base.ts';

interface DeployDialogProps {
  opened: boolean;
  onClose(): void;
  hostId: string;
  /** What the form starts from: a release whose configuration is to be changed. */
  template?: DeployTemplate;
  /** What the daemon found wrong with the template, to be mended. */
  complaints?: readonly FieldError[];
}

/** Creates an app, or makes a new release of one with another configuration. */
export function DeployDialog(props: DeployDialogProps) {
  return (
    <Modal
      opened={props.opened}
      onClose={props.onClose}
      onEnterTransitionEnd={focusFirstError}
      title={titleOf(props.template)}
      size={720}
    >
      <DeployFormView {...props} />
    </Modal>
  );
}

function titleOf(template: DeployTemplate | undefined): string {
  if (template === undefined) return 'Deploy an app';
  const { app, release } = template;
  return release.state === 'failed' ? `Try ${app.name} again` : `Deploy ${app.name} with changes`;
}

function sectionsOf(errors: FormErrors): ReadonlySet<Section> {
  return new Set(Object.keys(errorsBySection(errors)) as Section[]); // its keys are sections
}

const NO_COMPLAINTS: readonly FieldError[] = [];

function DeployFormView({ onClose, hostId, template, complaints = NO_COMPLAINTS }: DeployDialogProps) {
  const actions = useActions();
  const host = useHost(hostId);
  const daemon = useDaemon(hostId);
  const [, navigate] = useLocation();
  const [form, setForm] = useState<DeployForm>(() => (template === undefined ? emptyDeployForm() : formFromTemplate(template)));
  const [errors, setErrors] = useState<FormErrors>(() => formErrors(complaints, form));
  const [open, setOpen] = useState(() => sectionsOf(errors));
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const base = useDeployBase(hostId, { values: form, setValues: setForm }, template);
  useEffect(() => {
    actions.refreshImages(hostId).catch(() => undefined); // a name can be typed all the same
  }, [actions, hostId]);

  const change = (part: Partial<DeployForm>, field: string) => {
    setForm((held) => ({ ...held, ...part }));
    setErrors((held) => withoutField(held, field));
  };
  /** Shows each complaint at its field, whose part of the dialog opens; `message` below where one has no field. */
  const complain = (complaints: readonly FieldError[], message: string) => {
    const shown = formErrors(complaints, form);
    setErrors(shown);
    setOpen((held) => new Set([...held, ...sectionsOf(shown)]));
    setProblem(areAllShown(complaints, form) ? null : sentence(message));
    requestAnimationFrame(focusFirstError);
  };
  const submit = async () => {
    if (base.state === 'reading' || base.state === 'failed' || isBusy) return;
    setProblem(null);
    const read = readDeployForm(form);
    if (!read.isValid) return complain(read.errors, read.errors[0]?.message ?? '');
    setBusy(true);
    try {
      await actions.deploy(hostId, read.request);
      onClose();
      navigate(appPath(hostId, read.request.app_name));
    } catch (error) {
      complain(fieldErrorsOf(error), messageOf(error));
      setBusy(false);
    }
  };
  const known = lookUp(daemon.apps, form.app_name.trim());
  const references = imageChoices(daemon.images ?? [], known?.version).map((choice) => choice.reference);
  const part = { form, errors, onChange: change };

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
      <Basics
        {...part}
        isNamed={template !== undefined}
        nameText={known === undefined ? 'Lower case, digits and hyphens.' : `It exists on ${host?.name ?? 'this host'}.`}
        images={[...new Set(references)]}
      />
      <Sections {...part} open={open} onToggle={(section) => setOpen((held) => toggled(held, section))} />
      <BaseNotice
        base={base}
        replicas={base.state === 'ready' ? replicasOf({ app: base.app, release: base.release }) : 1}
        form={form}
      />
      {problem === null ? null : <Notice tone="bad" title="It was not deployed" text={problem} />}
      <Group justify="flex-end" gap={8} className="nd-form-foot">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" variant="filled" loading={isBusy} disabled={base.state === 'reading' || base.state === 'failed'}>
          Deploy
        </Button>
      </Group>
    </form>
  );
}

function toggled(open: ReadonlySet<Section>, section: Section): ReadonlySet<Section> {
  return open.has(section) ? new Set([...open].filter((each) => each !== section)) : new Set([...open, section]);
}

/** What is said of a field, and of all within it, until it is changed. */
function withoutField(errors: FormErrors, field: string): FormErrors {
  return Object.fromEntries(Object.entries(errors).filter(([each]) => each !== field && !each.startsWith(`${field}.`)));
}
