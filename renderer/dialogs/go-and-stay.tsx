import { Check, X } from 'lucide-react';
import type { ReactNode } from 'react';

interface GoAndStayProps {
  goes: readonly string[];
  staysTitle: string;
  stays: readonly string[];
}

/** What a removal takes and what it leaves, before anybody confirms it. */
export function GoAndStay({ goes, staysTitle, stays }: GoAndStayProps) {
  return (
    <div className="nd-removal">
      <List title="Goes, and cannot be brought back" icon={<X size={13} aria-hidden />} tone="bad" lines={goes} />
      <List title={staysTitle} icon={<Check size={13} aria-hidden />} tone="ok" lines={stays} />
    </div>
  );
}

function List({ title, icon, tone, lines }: { title: string; icon: ReactNode; tone: string; lines: readonly string[] }) {
  return (
    <div>
      <h3 className="nd-label">{title}</h3>
      <ul data-tone={tone}>
        {lines.map((line) => (
          <li key={line}>
            {icon}
            <span>{line}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
