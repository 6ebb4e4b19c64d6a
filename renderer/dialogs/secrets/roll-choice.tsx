import { Checkbox } from '@mantine/core';

interface RollChoiceProps {
  apps: readonly string[];
  isChosen: boolean;
  onChange(isChosen: boolean): void;
}

const NAMED_MAX = 6;

/** Whether the apps that are concerned take a change over at once. */
export function RollChoice({ apps, isChosen, onChange }: RollChoiceProps) {
  if (apps.length === 0) return <p className="nd-dim">No app that runs is concerned.</p>;
  return (
    <Checkbox
      label={
        <>
          Bring up a new release of <strong>{namesText(apps)}</strong> now
        </>
      }
      description={
        apps.length === 1
          ? 'Without downtime. Else it takes the change over with its next release.'
          : 'Without downtime. Else each takes the change over with its next release.'
      }
      checked={isChosen}
      onChange={(event) => onChange(event.currentTarget.checked)}
    />
  );
}

/** `shop`, `shop and docs`, `a, b, c and 4 more`. */
export function namesText(names: readonly string[]): string {
  if (names.length > NAMED_MAX) return `${names.slice(0, NAMED_MAX).join(', ')} and ${names.length - NAMED_MAX} more`;
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
