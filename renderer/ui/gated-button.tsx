import { Button, type ButtonProps, Tooltip } from '@mantine/core';
import type { ReactNode } from 'react';
import type { Verdict } from '../../daemon/contract/rules.ts';
import { sentence } from '../format.ts';

interface GatedButtonProps extends ButtonProps {
  verdict: Verdict;
  onClick(): void;
  children: ReactNode;
}

/** A button that a rule of the contract allows or refuses; refused, it stays reachable and says why. */
export function GatedButton({ verdict, onClick, children, ...button }: GatedButtonProps) {
  const why = verdict.allowed ? null : sentence(verdict.reason);
  return (
    <Tooltip label={why ?? ''} disabled={why === null} events={{ hover: true, focus: true, touch: true }}>
      <Button
        {...button}
        {...(why === null ? {} : { 'data-disabled': true })}
        aria-disabled={why !== null}
        onClick={() => {
          if (why === null) onClick();
        }}
      >
        {children}
      </Button>
    </Tooltip>
  );
}
