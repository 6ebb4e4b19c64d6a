import { Menu } from '@mantine/core';
import type { ReactNode } from 'react';
import type { Verdict } from '../../daemon/contract/rules.ts';
import { sentence } from '../format.ts';

interface GatedMenuItemProps {
  verdict: Verdict;
  icon: ReactNode;
  color?: string;
  onClick(): void;
  children: ReactNode;
}

/** An entry of a menu that a rule of the contract allows or refuses; refused, it stays reachable and says why. */
export function GatedMenuItem({ verdict, icon, color, onClick, children }: GatedMenuItemProps) {
  const why = verdict.allowed ? null : sentence(verdict.reason);
  return (
    <Menu.Item
      leftSection={icon}
      {...(color === undefined ? {} : { color })}
      {...(why === null ? {} : { 'data-disabled': true })}
      aria-disabled={why !== null}
      closeMenuOnClick={why === null}
      onClick={() => {
        if (why === null) onClick();
      }}
    >
      {children}
      {why === null ? null : <span className="nd-menu-why">{why}</span>}
    </Menu.Item>
  );
}
