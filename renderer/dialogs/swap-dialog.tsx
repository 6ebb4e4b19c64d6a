import { Button, Group, Modal, Radio, ScrollArea, TextInput } from '@mantine/core';
import { Search } from 'lucide-react';
import { useEffect, useState } from 'react';
import type { AppStatus, Image, Release } from '../../daemon/contract/domain.ts';
import type { Host } from '../../preload/contract.ts';
import { messageOf } from '../bridge/bridge-error.ts';
import { formatBytes, shortId } from '../format.ts';
import { registryOf } from '../state/deploy-request.ts';
import { useActions, useDaemon } from '../state/hooks.ts';
import { imageChoices, namedImage, newerImage } from '../state/images.ts';
import { Notice } from '../ui/notice.tsx';
import { Ago, ImageName } from '../ui/text.tsx';
import { Fold } from './deploy/fold.tsx';
import { type RegistryLogin, RegistrySection } from './deploy/registry-section.tsx';
import { ProductionNote } from './production-note.tsx';

interface SwapDialogProps {
  opened: boolean;
  onClose(): void;
  onStarted(): void;
  host: Host;
  app: AppStatus;
  liveRelease: Release | undefined;
}

/** Chooses the image to swap to, of those on the host; the newest of the app's own is chosen already. */
export function SwapDialog(props: SwapDialogProps) {
  return (
    <Modal opened={props.opened} onClose={props.onClose} title={`Swap ${props.app.name}`} size={600}>
      <SwapForm {...props} />
    </Modal>
  );
}

const NO_IMAGES: readonly Image[] = [];
const NO_LOGIN: RegistryLogin = { registry_username: '', registry_password: '', pull: 'missing' };

function SwapForm({ onClose, onStarted, host, app, liveRelease }: SwapDialogProps) {
  const actions = useActions();
  const images = useDaemon(host.id).images ?? NO_IMAGES;
  const [chosen, setChosen] = useState<string | null>(null);
  const [filter, setFilter] = useState('');
  const [problem, setProblem] = useState<string | null>(null);
  const [login, setLogin] = useState<RegistryLogin>(NO_LOGIN);
  const [isLoginOpen, setLoginOpen] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const choices = imageChoices(images, app.version);
  const shown = choices.filter((choice) => choice.reference.includes(filter.trim()));
  const suggested = newerImage(images, app, liveRelease) ?? choices.find((choice) => choice.reference !== app.version) ?? null;
  const named = namedImage(filter, choices);
  const image = chosen ?? (shown.length === 0 ? named : null) ?? suggested?.reference ?? null;

  useEffect(() => {
    actions.refreshImages(host.id).catch((error: unknown) => setProblem(messageOf(error)));
  }, [actions, host.id]);

  const submit = async () => {
    if (image === null || isBusy) return;
    setBusy(true);
    try {
      await actions.swap(host.id, { app_name: app.name, image, pull: login.pull, ...registryOf(login) });
      onClose();
      onStarted();
    } catch (error) {
      setProblem(messageOf(error));
      setBusy(false);
    }
  };
  return (
    <form
      className="nd-form"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      {host.production ? <ProductionNote /> : null}
      <p>
        The new image starts beside <span className="nd-mono">{app.version}</span>, and gets the traffic once it answers its
        health check. No request is lost; the configuration stays.
      </p>
      <TextInput
        leftSection={<Search size={13} />}
        placeholder="Filter, or name an image that a registry has"
        aria-label="Filter images, or name one"
        autoComplete="off"
        spellCheck={false}
        value={filter}
        onChange={(event) => {
          setFilter(event.currentTarget.value);
          setChosen(null);
        }}
      />
      <Radio.Group value={image} onChange={setChosen} aria-label="Image">
        <ScrollArea.Autosize mah={320} className="nd-choices">
          {shown.map(({ reference, image: each }) => (
            <Radio.Card key={reference} value={reference} className="nd-choice" aria-label={reference}>
              <Radio.Indicator size="xs" />
              <span className="nd-grow">
                <ImageName reference={reference} />
              </span>
              {reference === app.version ? <span className="nd-tag">live</span> : null}
              <span className="nd-mono nd-dim">{shortId(each.id)}</span>
              <span className="nd-dim nd-number">{formatBytes(each.size_bytes)}</span>
              <span className="nd-dim nd-choice-age">
                <Ago ts={each.created_at} />
              </span>
            </Radio.Card>
          ))}
          {named === null ? null : (
            <Radio.Card value={named} className="nd-choice" aria-label={named}>
              <Radio.Indicator size="xs" />
              <span className="nd-grow">
                <ImageName reference={named} />
              </span>
              <span className="nd-dim">pulled from its registry</span>
            </Radio.Card>
          )}
          {shown.length === 0 && named === null ? (
            <p className="nd-table-empty">
              {choices.length === 0
                ? 'No image is on this host yet; `nextdeploy images load FILE` brings one.'
                : 'No image matches.'}
            </p>
          ) : null}
        </ScrollArea.Autosize>
      </Radio.Group>
      <div className="nd-folds">
        <Fold
          title="Registry login"
          summary={login.registry_username.trim() === '' ? 'none' : `as ${login.registry_username.trim()}`}
          errors={0}
          isOpen={isLoginOpen}
          onToggle={() => setLoginOpen(!isLoginOpen)}
        >
          <RegistrySection login={login} errors={{}} onChange={(change) => setLogin({ ...login, ...change })} />
        </Fold>
      </div>
      {problem === null ? null : <Notice tone="bad" title="That did not work" text={problem} />}
      <Group justify="flex-end" gap={8}>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" variant="filled" disabled={image === null} loading={isBusy} data-autofocus>
          Swap
        </Button>
      </Group>
    </form>
  );
}
