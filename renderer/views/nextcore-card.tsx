import { GitBranch, GitCommitHorizontal } from 'lucide-react';
import type { ReactNode } from 'react';
import type { NextCoreMetadata } from '../../daemon/contract/nextcore.ts';
import { Copyable, Facts, Panel } from '../ui/text.tsx';

/** What the build of a release says of itself. */
export function NextCoreCard({ build, release }: { build: NextCoreMetadata; release: string | null }) {
  return (
    <Panel title="Next.js build" aside={release === null ? undefined : <span className="nd-dim">{release}</span>}>
      <NextCoreFacts build={build} />
    </Panel>
  );
}

export function NextCoreFacts({ build }: { build: NextCoreMetadata }) {
  const rows: [name: string, value: ReactNode][] = [
    ['Next.js', `${build.next_version} · ${build.output}`],
    ...(build.git === undefined ? [] : [['Git', <GitText key="git" git={build.git} />] as [string, ReactNode]]),
    ['Routes', routesText(build)],
    ['Build id', <Copyable key="build" value={build.build_id} label="Copy the build id" />],
  ];
  if (build.deployment_id !== undefined) {
    rows.push(['Deployment id', <Copyable key="deployment" value={build.deployment_id} label="Copy the deployment id" />]);
  }
  const made = [build.node_version === undefined ? '' : `Node.js ${build.node_version}`, build.package_manager ?? ''];
  if (made.some((part) => part !== '')) rows.push(['Built with', made.filter((part) => part !== '').join(' · ')]);
  if (build.static_directory !== undefined) {
    const { static_directory } = build;
    rows.push(['Static files', <Copyable key="static" value={static_directory} label="Copy the directory in the image" />]);
  }
  const suggested = suggestedText(build);
  if (suggested !== '') rows.push(['Suggests', suggested]);
  if (build.public_env.length > 0) rows.push(['Baked in', <BakedIn key="baked" names={build.public_env} />]);
  return (
    <div className="nd-facts-list">
      <Facts rows={rows} />
    </div>
  );
}

/** `a1b2c3d on main`, and whether there were changes that no commit holds. */
export function GitText({ git }: { git: NonNullable<NextCoreMetadata['git']> }) {
  return (
    <span className="nd-git" title={git.commit}>
      <GitCommitHorizontal size={13} aria-hidden />
      <span className="nd-mono">{git.commit.slice(0, 7)}</span>
      {git.branch === undefined ? null : (
        <>
          <GitBranch size={12} aria-hidden />
          <span className="nd-ellipsis">{git.branch}</span>
        </>
      )}
      {git.is_dirty === true ? (
        <span className="nd-badge" title="The build held changes that no commit has">
          uncommitted
        </span>
      ) : null}
    </span>
  );
}

function BakedIn({ names }: { names: readonly string[] }) {
  return <span className="nd-mono nd-wrap">{names.join(', ')}</span>;
}

/** What a deploy takes from the build where nobody chooses otherwise: `health path /api/health · port 3000`. */
export function suggestedText({ health_path, port }: Pick<NextCoreMetadata, 'health_path' | 'port'>): string {
  const parts = [health_path === undefined ? '' : `health path ${health_path}`, port === undefined ? '' : `port ${port}`];
  return parts.filter((part) => part !== '').join(' · ');
}

/** `24 static, 3 dynamic, 2 ISR, middleware`. */
export function routesText({ routes }: Pick<NextCoreMetadata, 'routes'>): string {
  const counts = [
    [routes.static.length, 'static'],
    [routes.dynamic.length, 'dynamic'],
    [routes.isr.length, 'ISR'],
  ] as const;
  const parts = counts.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`);
  const all = routes.middleware ? [...parts, 'middleware'] : parts;
  return all.length === 0 ? 'none named' : all.join(', ');
}
