import { Button, CopyButton, Group, Modal, SegmentedControl, TagsInput, TextInput } from '@mantine/core';
import { Check, Copy } from 'lucide-react';
import { useState } from 'react';
import type { CreatedToken } from '../../daemon/contract/access.ts';
import type { Host } from '../../preload/contract.ts';
import { formatDateTime } from '../format.ts';
import { useActions } from '../state/hooks.ts';
import {
  EXPIRY_PRESETS,
  expiresAt,
  NEW_TOKEN,
  readTokenForm,
  type TokenErrors,
  type TokenForm,
  tokenErrors,
} from '../state/token-form.ts';
import { ROLE_TEXT, ROLES } from '../state/tokens.ts';
import { Notice } from '../ui/notice.tsx';
import { Facts } from '../ui/text.tsx';
import { useNow } from '../ui/use-now.ts';
import { ProductionNote } from './production-note.tsx';
import { useSubmission } from './use-submission.ts';

interface TokenDialogProps {
  opened: boolean;
  onClose(): void;
  host: Host;
  /** Names that can be chosen. */
  apps: string[];
}

/** Asks what a token may do, and shows its text the one time that it is told. */
export function TokenDialog({ opened, onClose, host, apps }: TokenDialogProps) {
  const [created, setCreated] = useState<CreatedToken | null>(null);
  const close = () => {
    setCreated(null);
    onClose();
  };
  // A slip of the mouse must not take away what nobody can show again.
  const isHeld = created !== null;
  return (
    <Modal
      opened={opened}
      onClose={close}
      title={created === null ? `New token for ${host.name}` : `Token ${created.name}`}
      size={560}
      closeOnClickOutside={!isHeld}
      closeOnEscape={!isHeld}
      withCloseButton={!isHeld}
    >
      {created === null ? (
        <TokenFields host={host} apps={apps} onClose={close} onCreated={setCreated} />
      ) : (
        <TokenText created={created} onDone={close} />
      )}
    </Modal>
  );
}

interface TokenFieldsProps {
  host: Host;
  apps: string[];
  onClose(): void;
  onCreated(created: CreatedToken): void;
}

function TokenFields({ host, apps, onClose, onCreated }: TokenFieldsProps) {
  const actions = useActions();
  const now = useNow();
  const [form, setForm] = useState<TokenForm>(NEW_TOKEN);
  const { errors, problem, isBusy, settle, onSubmit } = useSubmission({
    read: () => readTokenForm(form, now),
    errorsOf: tokenErrors,
    send: async (body) => onCreated(await actions.createToken(host.id, body)),
  });
  const change = (part: Partial<TokenForm>, field: keyof TokenErrors) => {
    setForm((held) => ({ ...held, ...part }));
    settle([field]);
  };
  return (
    <form className="nd-form" noValidate onSubmit={onSubmit}>
      {host.production ? <ProductionNote /> : null}
      <TextInput
        label="Name"
        placeholder="ci"
        description="Who or what bears it; it stands in the audit log."
        autoComplete="off"
        spellCheck={false}
        data-autofocus
        value={form.name}
        error={errors.name}
        onChange={(event) => change({ name: event.currentTarget.value }, 'name')}
      />
      <div>
        <h3 className="nd-label" id="token-role">
          Role
        </h3>
        <SegmentedControl
          aria-labelledby="token-role"
          fullWidth
          value={form.role}
          onChange={(value) => change({ role: ROLES.find((role) => role === value) ?? 'viewer' }, 'role')}
          data={ROLES.map((role) => ({ value: role, label: ROLE_LABEL[role] }))}
        />
        <p className="nd-hint">{ROLE_TEXT[form.role]}</p>
      </div>
      <Reach form={form} error={errors.apps} apps={apps} onChange={(part) => change(part, 'apps')} />
      <Expires form={form} error={errors.expires_at} now_ms={now} onChange={(part) => change(part, 'expires_at')} />
      {problem === null ? null : <Notice tone="bad" title="The token was not made" text={problem} />}
      <Group justify="flex-end" gap={8}>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" variant="filled" loading={isBusy}>
          Make token
        </Button>
      </Group>
    </form>
  );
}

const ROLE_LABEL = { viewer: 'Viewer', operator: 'Operator', admin: 'Administrator' } as const;

interface PartProps {
  form: TokenForm;
  error: string | undefined;
  onChange(part: Partial<TokenForm>): void;
}

function Reach({ form, error, apps, onChange }: PartProps & { apps: string[] }) {
  const isAdmin = form.role === 'admin';
  return (
    <div>
      <h3 className="nd-label" id="token-reach">
        Apps
      </h3>
      <SegmentedControl
        aria-labelledby="token-reach"
        fullWidth
        value={isAdmin ? 'all' : form.reach}
        onChange={(value) => onChange({ reach: value === 'some' ? 'some' : 'all' })}
        data={[
          { value: 'all', label: 'All apps' },
          { value: 'some', label: 'Only some', disabled: isAdmin },
        ]}
      />
      {isAdmin ? (
        <p className="nd-hint">An administrator cannot be limited to apps; an operator can.</p>
      ) : form.reach === 'some' ? (
        <TagsInput
          className="nd-secret-owner"
          aria-label="Names of the apps"
          size="xs"
          data={apps}
          splitChars={[',', ' ']}
          {...(form.apps.length > 0 ? {} : { placeholder: 'shop' })}
          description="It sees and changes these alone; what concerns the whole host is refused."
          value={form.apps}
          error={error}
          onChange={(names) => onChange({ apps: names })}
        />
      ) : null}
    </div>
  );
}

function Expires({ form, error, now_ms, onChange }: PartProps & { now_ms: number }) {
  const end = expiresAt(form, now_ms);
  return (
    <div>
      <h3 className="nd-label" id="token-expiry">
        Expires
      </h3>
      <SegmentedControl
        aria-labelledby="token-expiry"
        fullWidth
        value={form.expiry}
        onChange={(value) => onChange({ expiry: EXPIRY_PRESETS.find((each) => each.value === value)?.value ?? '90' })}
        data={EXPIRY_PRESETS.map(({ value, label }) => ({ value, label }))}
      />
      {form.expiry === 'date' ? (
        <TextInput
          className="nd-secret-owner"
          type="date"
          aria-label="Last day"
          value={form.date}
          error={error}
          onChange={(event) => onChange({ date: event.currentTarget.value })}
        />
      ) : null}
      <p className="nd-hint">
        {form.expiry === 'never'
          ? 'It opens this server until somebody revokes it. Prefer an end for what is kept elsewhere.'
          : end == null
            ? 'It opens nothing after this day.'
            : `It opens nothing after ${formatDateTime(end)}.`}
      </p>
    </div>
  );
}

/** Shown once: the text lives in this component alone, and leaves with it. */
function TokenText({ created, onDone }: { created: CreatedToken; onDone(): void }) {
  const [isCopied, setCopied] = useState(false);
  return (
    <div className="nd-form">
      <Notice
        tone="busy"
        title="Copy it now: it is not shown again"
        text="The server keeps only a fingerprint of it. Whoever has it acts as this token, so keep it as you keep a password."
      />
      <div className="nd-token">
        <output className="nd-mono nd-wrap" aria-label="Text of the token" data-testid="token-text">
          {created.token}
        </output>
        <CopyButton value={created.token}>
          {({ copied, copy }) => (
            <Button
              variant={isCopied ? 'default' : 'filled'}
              leftSection={copied ? <Check size={13} /> : <Copy size={13} />}
              data-autofocus
              onClick={() => {
                copy();
                setCopied(true);
              }}
            >
              {copied ? 'Copied' : 'Copy token'}
            </Button>
          )}
        </CopyButton>
      </div>
      <Facts
        rows={[
          ['Role', ROLE_LABEL[created.role]],
          ['Apps', created.apps === null ? 'all' : created.apps.join(', ')],
          ['Expires', created.expires_at === null ? 'never' : formatDateTime(created.expires_at)],
          ['Used by', <code key="use">NEXTDEPLOY_TOKEN=… nextdeploy apps</code>],
        ]}
      />
      <Group justify="flex-end" gap={8}>
        <Button variant={isCopied ? 'filled' : 'default'} onClick={onDone}>
          {isCopied ? 'Done' : 'I have kept it'}
        </Button>
      </Group>
    </div>
  );
}
