import { describe, expect, it } from 'vitest';
import { type DockerSettings, parseDockerSettings, planLiveRestore } from './live-restore.ts';

const off: DockerSettings = { isOn: false, swarm: 'inactive', file: { kind: 'plain', text: null } };
const withFile = (text: string) => planLiveRestore({ ...off, file: { kind: 'plain', text } });

describe('live-restore', () => {
  it('is written where there is no configuration', () => {
    expect(planLiveRestore(off)).toEqual({ kind: 'write', text: '{\n  "live-restore": true\n}\n' });
  });

  it.each([
    ['{\n  "log-driver": "local"\n}\n', '{\n  "live-restore": true,\n  "log-driver": "local"\n}\n'],
    ['{"a":1,"b":[1.0]}', '{"live-restore": true, "a":1,"b":[1.0]}'],
    ['\t{ "a": {"live-restore": false} }', '\t{ "live-restore": true, "a": {"live-restore": false} }'],
    ['{}', '{\n  "live-restore": true\n}'],
    ['{ \n }\n', '{\n  "live-restore": true\n}\n'],
  ])('joins what %j says, which stays as it is', (before, after) => {
    expect(withFile(before)).toEqual({ kind: 'write', text: after });
    expect(JSON.parse(after)).toEqual({ ...JSON.parse(before), 'live-restore': true });
  });

  it.each<[string, Partial<DockerSettings>, RegExp]>([
    ['a swarm', { swarm: 'active' }, /in a swarm/],
    ['a Docker that does not answer', { swarm: '' }, /does not say/],
    ['a link', { file: { kind: 'link' } }, /link/],
    ['a key that is there', { file: { kind: 'plain', text: '{"live-restore": false}' } }, /"live-restore": false/],
    ...['', 'nonsense', '[]', 'null', '{"a": 1,}', '\uFEFF{}'].map((text): [string, Partial<DockerSettings>, RegExp] => [
      JSON.stringify(text),
      { file: { kind: 'plain', text } },
      /not a plain/,
    ]),
  ])('leaves %s alone, saying why', (_name, change, reason) => {
    expect(planLiveRestore({ ...off, ...change })).toEqual({ kind: 'leave', reason: expect.stringMatching(reason) });
  });

  it('needs nothing where it is on', () => {
    expect(planLiveRestore({ ...off, isOn: true, swarm: '' })).toEqual({ kind: 'is on' });
  });
});

describe('the settings', () => {
  it('are read from the script, whatever the login says before', () => {
    const content = Buffer.from('{"a": "ä"}\n').toString('base64');
    expect(parseDockerSettings(`Welcome\nlive_restore=false\nswarm=inactive\nfile=there\ncontent=${content}\n`)).toEqual({
      isOn: false,
      swarm: 'inactive',
      file: { kind: 'plain', text: '{"a": "ä"}\n' },
    });
    expect(parseDockerSettings('live_restore=true\nswarm=active\nfile=absent\n')).toEqual({
      isOn: true,
      swarm: 'active',
      file: { kind: 'plain', text: null },
    });
    expect(parseDockerSettings('file=link\n')).toMatchObject({ isOn: false, swarm: '', file: { kind: 'link' } });
  });
});
