/** The daemon as it is shipped, installed on a disposable server with Docker, Caddy and nginx; nothing that is done to it leaves that server. */
import { parse } from 'yaml';
import type { Bed } from '../bed/bed.ts';
import { expectSuccess, installNode, installProgram, REMOTE_NODE } from '../bench/server-tools.ts';
import { type Stage, untilDaemonAnswers, withStage } from '../chaos/stage.ts';
import type { State, StatePlaces } from './state.ts';
import type { Target } from './target.ts';

const PLACES: StatePlaces = {
  database: '/var/lib/nextdeploy/nextdeploy.db',
  directories: ['/var/lib/nextdeploy', '/etc/nextdeploy', '/etc/caddy', '/etc/nginx', '/run/nextdeploy-secrets'],
};
/** What Docker keeps, a line each. */
const DOCKER = `
docker ps --all --no-trunc --format 'container {{.ID}} {{.Names}} {{.Image}} {{.State}}'
docker images --all --no-trunc --format 'image {{.ID}} {{.Repository}}:{{.Tag}}'
docker volume ls --format 'volume {{.Name}}'
docker network ls --no-trunc --format 'network {{.ID}} {{.Name}}'`;
const LINES_OF_DEATH = '60';

/** Runs `work` with a server's daemon and takes the server down. */
export function withServerTarget<T>(options: Pick<Stage, 'signal' | 'say'>, work: (target: Target) => Promise<T>): Promise<T> {
  return withStage({ label: 'fuzz', ...options }, async (stage) => work(await targetOf(stage)));
}

async function targetOf(stage: Stage): Promise<Target> {
  const { bed, images } = stage;
  await cutOff(bed);
  await installNode(bed);
  const [program, collector] = [
    await installProgram(bed, '../fuzz/state-program.ts'),
    await installProgram(bed, '../fuzz/garbage-program.ts'),
  ];
  const { auth } = parse(await expectSuccess(bed, ['cat', '/etc/nextdeploy/config.yml'])) as { auth: { token: string } };
  let pid = await pidOf(bed);
  let cursor = (await readJournal(bed, null)).cursor;
  return {
    address: { socket: bed.daemonSocket, port: null },
    token: auth.token,
    image: images.v1,
    readState: async () => {
      const kept = JSON.parse(await expectSuccess(bed, [REMOTE_NODE, program], { input: JSON.stringify(PLACES) })) as State;
      const docker = await expectSuccess(bed, ['sh', '-euc', DOCKER]);
      return { ...kept, docker: docker.split('\n').toSorted((a, b) => (a < b ? -1 : 1)) };
    },
    memoryKib: async () => {
      await expectSuccess(bed, [REMOTE_NODE, collector, pid]);
      return Number(/^VmRSS:\s*(\d+)/m.exec(await expectSuccess(bed, ['cat', `/proc/${pid}/status`]))?.[1]);
    },
    takeErrors: async () => {
      const journal = await readJournal(bed, cursor);
      cursor = journal.cursor;
      return journal.lines.filter((line) => line.includes('"level":"error"'));
    },
    takeDeath: async () => {
      if ((await pidOf(bed)) === pid) return null;
      const said = await expectSuccess(bed, [
        'journalctl',
        '--unit=nextdeployd',
        '--no-pager',
        '--output=cat',
        '--lines',
        LINES_OF_DEATH,
      ]);
      // systemd gives up on a unit that is started too often within a minute.
      await bed.exec(['systemctl', 'reset-failed', 'nextdeployd']);
      await expectSuccess(bed, ['systemctl', 'start', 'nextdeployd']);
      await untilDaemonAnswers(stage);
      pid = await pidOf(bed);
      return said;
    },
  };
}

/** Whatever is deployed and configured: no image, certificate or secret is asked of anybody outside. */
async function cutOff(bed: Bed): Promise<void> {
  for (const chain of ['OUTPUT', 'FORWARD'])
    await expectSuccess(bed, [
      'iptables',
      '--insert',
      chain,
      '--out-interface',
      'eth0',
      '--match',
      'conntrack',
      '--ctstate',
      'NEW',
      '--jump',
      'REJECT',
    ]);
}

const pidOf = async (bed: Bed) =>
  (await expectSuccess(bed, ['systemctl', 'show', '--property=MainPID', '--value', 'nextdeployd'])).trim();

async function readJournal(bed: Bed, cursor: string | null): Promise<{ lines: string[]; cursor: string }> {
  const from = cursor === null ? ['--lines=1'] : [`--after-cursor=${cursor}`];
  const said = await expectSuccess(bed, [
    'journalctl',
    '--unit=nextdeployd',
    '--no-pager',
    '--output=cat',
    '--show-cursor',
    ...from,
  ]);
  const lines = said.trimEnd().split('\n');
  const last = /^-- cursor: (.*)$/.exec(lines.at(-1) ?? '')?.[1];
  // Without a new line there is no new cursor.
  return last === undefined ? { lines, cursor: cursor ?? '' } : { lines: lines.slice(0, -1), cursor: last };
}
