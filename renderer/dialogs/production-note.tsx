import { TriangleAlert } from 'lucide-react';

/** Which environment one is in must not be a question. */
export function ProductionNote() {
  return (
    <div className="nd-production-note">
      <TriangleAlert size={14} aria-hidden /> This host is marked as production.
    </div>
  );
}
