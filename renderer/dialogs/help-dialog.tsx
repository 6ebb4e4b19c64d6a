import { Kbd, Modal } from '@mantine/core';
import { SHORTCUTS } from '../ui/key-sequence.ts';

export function HelpDialog({ opened, onClose }: { opened: boolean; onClose(): void }) {
  const isApple = navigator.userAgent.includes('Mac');
  return (
    <Modal opened={opened} onClose={onClose} title="Keyboard shortcuts" size={420}>
      <dl className="nd-shortcuts">
        {SHORTCUTS.map(({ keys, text }) => (
          <div key={text}>
            <dt>{text}</dt>
            <dd>
              {keys.map((key) => (
                <Kbd key={key}>{key.replace('mod+k', isApple ? '⌘ K' : 'Ctrl K')}</Kbd>
              ))}
            </dd>
          </div>
        ))}
        <div>
          <dt>Close a dialog, leave a field</dt>
          <dd>
            <Kbd>Esc</Kbd>
          </dd>
        </div>
      </dl>
    </Modal>
  );
}
