import { ChevronRight } from 'lucide-react';
import { type ReactNode, useId } from 'react';

interface FoldProps {
  title: string;
  /** What is set within, said while it is folded. */
  summary: string;
  /** Complaints about fields within. */
  errors: number;
  isOpen: boolean;
  onToggle(): void;
  children: ReactNode;
}

/** A part of a form that most do not need: one line until it is opened. */
export function Fold({ title, summary, errors, isOpen, onToggle, children }: FoldProps) {
  const id = useId();
  return (
    <section className="nd-fold" data-open={isOpen}>
      <h3>
        <button type="button" aria-expanded={isOpen} aria-controls={id} onClick={onToggle}>
          <ChevronRight size={14} aria-hidden />
          <span>{title}</span>
          {errors > 0 ? <span className="nd-badge">{errors === 1 ? '1 to mend' : `${errors} to mend`}</span> : null}
          <span className="nd-fold-summary">{isOpen ? '' : summary === '' ? 'defaults' : summary}</span>
        </button>
      </h3>
      {isOpen ? (
        <div id={id} className="nd-fold-body">
          {children}
        </div>
      ) : null}
    </section>
  );
}
