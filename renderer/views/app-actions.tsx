import { ActionIcon, Button, Group, Menu } from '@mantine/core';
import { Construction, Ellipsis, Pencil, Play, RotateCw, Scaling, Square, Trash2, Undo2 } from 'lucide-react';
import type { AppStatus } from '../../daemon/contract/domain.ts';
import { can } from '../../daemon/contract/rules.ts';
import type { LifecycleRoute } from '../state/actions.ts';
import type { Wish } from '../state/stores.ts';
import { GatedButton } from '../ui/gated-button.tsx';
import { GatedMenuItem } from '../ui/gated-menu-item.tsx';

interface AppActionsProps {
  app: AppStatus;
  /** Nothing has ever served, and what was tried can be tried again. */
  isRetry: boolean;
  hasBase: boolean;
  isBusy: boolean;
  onAsk(question: Wish['what']): void;
  onLifecycle(route: LifecycleRoute): void;
}

/** Everything that can be done with an app; the contract's rules say what may be done now, and why not. */
export function AppActions({ app, isRetry, hasBase, isBusy, onAsk, onLifecycle }: AppActionsProps) {
  const isStartable = app.status === 'stopped' || app.status === 'error';
  return (
    <Group gap={6}>
      {isRetry ? (
        <Button variant="filled" leftSection={<RotateCw size={13} />} onClick={() => onAsk('deploy')}>
          Try again…
        </Button>
      ) : null}
      <GatedButton
        variant={isRetry ? 'default' : 'filled'}
        verdict={can.swap(app)}
        loading={isBusy}
        onClick={() => onAsk('swap')}
      >
        Swap
      </GatedButton>
      <GatedButton verdict={can.rollback(app)} leftSection={<Undo2 size={14} />} onClick={() => onAsk('rollback')}>
        Roll back
      </GatedButton>
      {isStartable ? (
        <GatedButton verdict={can.start(app)} leftSection={<Play size={13} />} onClick={() => onLifecycle('startApp')}>
          Start
        </GatedButton>
      ) : null}
      {app.status === 'stopped' ? null : (
        <GatedButton verdict={can.stop(app)} leftSection={<Square size={13} />} onClick={() => onAsk('stop')}>
          Stop
        </GatedButton>
      )}
      <GatedButton verdict={can.restart(app)} leftSection={<RotateCw size={13} />} onClick={() => onLifecycle('restartApp')}>
        Restart
      </GatedButton>
      <Menu position="bottom-end" width={260}>
        <Menu.Target>
          <ActionIcon aria-label="More actions" variant="default" size={30}>
            <Ellipsis size={15} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {hasBase ? (
            <Menu.Item leftSection={<Pencil size={14} />} onClick={() => onAsk('deploy')}>
              Deploy with changes…
            </Menu.Item>
          ) : null}
          <GatedMenuItem verdict={can.scale(app)} icon={<Scaling size={14} />} onClick={() => onAsk('scale')}>
            Scale…
          </GatedMenuItem>
          <GatedMenuItem verdict={can.maintenance(app)} icon={<Construction size={14} />} onClick={() => onAsk('maintenance')}>
            {app.maintenance === null ? 'Maintenance page…' : 'Change maintenance page…'}
          </GatedMenuItem>
          <Menu.Divider />
          <GatedMenuItem
            verdict={can.remove(app)}
            color="var(--nd-bad)"
            icon={<Trash2 size={14} />}
            onClick={() => onAsk('remove')}
          >
            Remove app…
          </GatedMenuItem>
        </Menu.Dropdown>
      </Menu>
    </Group>
  );
}
