import { ActionIcon, CopyButton, Tooltip } from '@mantine/core';
import { Check, Copy } from 'lucide-react';
import type { ReactNode } from 'react';
import { formatAgo, formatDateTime, shortReference } from '../format.ts';
import { useNow } from './use-now.ts';

/** A time as its distance from now, exact on hover. */
export function Ago({ ts }: { ts: string }) {
  const now = useNow();
  return (
    <time dateTime={ts} title={formatDateTime(ts)} className="nd-number">
      {formatAgo(Date.parse(ts), now)}
    </time>
  );
}

/** A value that is compared or typed elsewhere, with a button that copies it. */
export function Copyable({ value, label }: { value: string; label: string }) {
  return (
    <span className="nd-copyable">
      <span className="nd-mono nd-ellipsis" title={value}>
        {value}
      </span>
      <CopyButton value={value}>
        {({ copied, copy }) => (
          <Tooltip label={copied ? 'Copied' : label}>
            <ActionIcon size={20} onClick={copy} aria-label={label}>
              {copied ? <Check size={12} /> : <Copy size={12} />}
            </ActionIcon>
          </Tooltip>
        )}
      </CopyButton>
    </span>
  );
}

/** An image by its name and tag, which are what differs: the registry gives way first, then the name, the tag last. */
export function ImageName({ reference }: { reference: string }) {
  const short = shortReference(reference);
  const [place, name] = [reference.slice(0, reference.length - short.length), short.split(/[:@]/)[0] ?? ''];
  return (
    <span className="nd-image" title={reference}>
      <span className="nd-image-place">{place}</span>
      <span className="nd-image-name">{name}</span>
      <span className="nd-image-tag">{short.slice(name.length)}</span>
    </span>
  );
}

/** Name and value pairs, aligned. */
export function Facts({ rows }: { rows: readonly (readonly [name: string, value: ReactNode])[] }) {
  return (
    <dl className="nd-facts">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Panel({ title, aside, children, flush = false }: PanelProps) {
  return (
    <section className="nd-panel" aria-label={typeof title === 'string' ? title : undefined}>
      <header className="nd-panel-head">
        <h2>{title}</h2>
        {aside === undefined ? null : <div className="nd-panel-aside">{aside}</div>}
      </header>
      <div className={flush ? 'nd-panel-body nd-panel-flush' : 'nd-panel-body'}>{children}</div>
    </section>
  );
}

interface PanelProps {
  title: ReactNode;
  aside?: ReactNode;
  children: ReactNode;
  /** Without padding, for tables and viewers. */
  flush?: boolean;
}
