import type { ReactNode } from 'react';
import { errorsBySection, SECTIONS, type Section } from '../../state/deploy-fields.ts';
import { sectionSummary } from '../../state/deploy-summary.ts';
import type { DeployPartProps } from './field.tsx';
import { Fold } from './fold.tsx';
import { HealthSection } from './health-section.tsx';
import { LifecycleSection } from './lifecycle-section.tsx';
import { LogsSection } from './logs-section.tsx';
import { RegistrySection } from './registry-section.tsx';
import { ResourcesSection } from './resources-section.tsx';
import { RoutingSection } from './routing-section.tsx';
import { SecretsSection } from './secrets-section.tsx';
import { SecuritySection } from './security-section.tsx';
import { StorageSection } from './storage-section.tsx';

const TITLE: Record<Section, string> = {
  routing: 'Routing',
  health: 'Health details',
  secrets: 'Secrets',
  resources: 'Resources',
  storage: 'Storage and networks',
  security: 'Security',
  lifecycle: 'Life cycle',
  registry: 'Registry login',
  logs: 'Logs',
};

interface SectionsProps extends DeployPartProps {
  open: ReadonlySet<Section>;
  onToggle(section: Section): void;
}

/** Everything else that a deploy can decide, folded until it is wanted. */
export function Sections({ open, onToggle, ...part }: SectionsProps) {
  const counts = errorsBySection(part.errors);
  return (
    <div className="nd-folds">
      {SECTIONS.map((section) => (
        <Fold
          key={section}
          title={TITLE[section]}
          summary={sectionSummary(section, part.form)}
          errors={counts[section] ?? 0}
          isOpen={open.has(section)}
          onToggle={() => onToggle(section)}
        >
          {bodyOf(section, part)}
        </Fold>
      ))}
    </div>
  );
}

function bodyOf(section: Section, part: DeployPartProps): ReactNode {
  switch (section) {
    case 'routing':
      return <RoutingSection {...part} />;
    case 'health':
      return <HealthSection {...part} />;
    case 'secrets':
      return <SecretsSection {...part} />;
    case 'resources':
      return <ResourcesSection {...part} />;
    case 'storage':
      return <StorageSection {...part} />;
    case 'security':
      return <SecuritySection {...part} />;
    case 'lifecycle':
      return <LifecycleSection {...part} />;
    case 'registry':
      return <RegistrySection login={part.form} errors={part.errors} onChange={part.onChange} />;
    case 'logs':
      return <LogsSection {...part} />;
  }
}
