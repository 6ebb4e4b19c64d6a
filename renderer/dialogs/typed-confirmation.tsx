import { TextInput } from '@mantine/core';

interface TypedConfirmationProps {
  /** What must be typed, letter by letter. */
  typed: string;
  value: string;
  onChange(value: string): void;
}

/** What a hasty click does not do: a name has to be typed before something goes for good. */
export function TypedConfirmation({ typed, value, onChange }: TypedConfirmationProps) {
  return (
    <TextInput
      label={
        <>
          Type <span className="nd-mono">{typed}</span> to confirm
        </>
      }
      aria-label={`Type ${typed} to confirm`}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      autoComplete="off"
      spellCheck={false}
      autoFocus
      data-autofocus
    />
  );
}
