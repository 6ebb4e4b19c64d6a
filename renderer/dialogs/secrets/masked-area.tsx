import { ActionIcon, Textarea, Tooltip } from '@mantine/core';
import { Eye, EyeOff } from 'lucide-react';
import { type KeyboardEvent, useState } from 'react';

interface MaskedAreaProps {
  label: string;
  description: string;
  placeholder?: string;
  value: string;
  error: string | undefined;
  minRows: number;
  maxRows: number;
  isFirst?: boolean;
  /** Enter alone submits the form, as in a field of one line; Shift and Enter begin a line. */
  submitsOnEnter?: boolean;
  onChange(value: string): void;
}

/**
 * A field for what nobody behind the operator is to read. A password field would lose the line breaks of a pasted key, and
 * have the browser offer to store the value; so this is a text area whose characters are not drawn until that is asked for.
 */
export function MaskedArea(props: MaskedAreaProps) {
  const { label, value, isFirst = false, submitsOnEnter = false, onChange, ...area } = props;
  const [isShown, setShown] = useState(false);
  const toggle = isShown ? 'Hide what is typed' : 'Show what is typed';
  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (!submitsOnEnter || event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    event.currentTarget.form?.requestSubmit();
  };
  return (
    <Textarea
      {...area}
      label={label}
      className="nd-secret-area"
      classNames={{ input: 'nd-mono' }}
      data-masked={!isShown}
      autoFocus={isFirst}
      data-autofocus={isFirst}
      autosize
      autoComplete="off"
      autoCorrect="off"
      autoCapitalize="off"
      spellCheck={false}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      onKeyDown={onKeyDown}
      rightSection={
        <Tooltip label={toggle}>
          <ActionIcon size={24} aria-label={toggle} aria-pressed={isShown} onClick={() => setShown(!isShown)}>
            {isShown ? <EyeOff size={14} /> : <Eye size={14} />}
          </ActionIcon>
        </Tooltip>
      }
    />
  );
}
