import type { LucideIcon } from 'lucide-react';
import { CircleAlert, Info, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { sentence } from '../format.ts';
import type { Tone } from './mark.tsx';
import { Prose } from './prose.tsx';

const ICONS: Partial<Record<Tone, LucideIcon>> = { bad: CircleAlert, busy: TriangleAlert };

/** Something that happened, why, and what can be done: `children` is the remedy's controls. */
export function Notice({ tone, title, text, children }: NoticeProps) {
  const Icon = ICONS[tone] ?? Info;
  return (
    <div className="nd-notice" data-tone={tone} role={tone === 'bad' ? 'alert' : 'status'}>
      <Icon size={16} aria-hidden />
      <div className="nd-notice-text">
        <strong>{typeof title === 'string' ? sentence(title) : title}</strong>
        {text === undefined ? null : <div>{typeof text === 'string' ? <Prose text={sentence(text)} /> : text}</div>}
      </div>
      {children === undefined ? null : <div className="nd-notice-actions">{children}</div>}
    </div>
  );
}

interface NoticeProps {
  tone: Tone;
  title: ReactNode;
  text?: ReactNode;
  children?: ReactNode;
}

/** Nothing is here yet; the text says what the next step is, `children` takes it. */
export function Empty({ icon: Icon, title, text, children }: EmptyProps) {
  return (
    <div className="nd-empty">
      <Icon size={28} strokeWidth={1.5} aria-hidden />
      <h2>{title}</h2>
      <p className="nd-empty-text">
        <Prose text={text} />
      </p>
      {children}
    </div>
  );
}

interface EmptyProps {
  icon: LucideIcon;
  title: string;
  /** Commands between backticks. */
  text: string;
  children?: ReactNode;
}
