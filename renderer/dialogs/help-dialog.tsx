import { Kbd, Modal } from '@mantine/core';
import { SHORTCUTS } from '../ui/key-sequence.ts';

export function HelpDialog({ opened, onClose }: { opened: boolean; onClose(): void }) {
  const isApple = navigator.userAgent.includes('Mac');
  return (
    <Modal opened={opened} onClose={onClose} title="Keyboard shortcuts" size={420}>
      <dl>
        {SHORTCUTS.map(({ keys, text }) => (
          <div key={text} className="nd-shortcut">
            <dt>{text}</dt>
            <dd className="nd-shortcut-keys">
              {keys.map((key) => (
                <Kbd key={key}>{key.replace('mod+k', isApple ? '⌘ K' : 'Ctrl K')}</Kbd>
              ))}
            </dd>
          </div>
        ))}
        <div className="nd-shortcut">
          <dt>Close a dialog, leave a field</dt>
          <dd className="nd-shortcut-keys">
            <Kbd>Esc</Kbd>
          </dd>
        </div>
      </dl>
    </Modal>
  );
}
