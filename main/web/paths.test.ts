import { expect, test } from 'vitest';
import { consolePaths, pathsEnvironment } from './paths.ts';

test.each([
  ['linux', {}, '/home/a/.config/nextdeploy'],
  ['linux', { XDG_CONFIG_HOME: '/data/config' }, '/data/config/nextdeploy'],
  ['linux', { XDG_CONFIG_HOME: 'relative' }, '/home/a/.config/nextdeploy'],
  ['darwin', { XDG_CONFIG_HOME: '/ignored' }, '/home/a/Library/Application Support/nextdeploy'],
])('on %s with %j the console keeps its data in %s', (platform, environment, expected) => {
  expect(consolePaths(platform, environment, '/home/a')).toEqual({
    dataDirectory: expected,
    knownHostsFile: '/home/a/.ssh/known_hosts',
  });
});

test('a program is told to use the paths of another console, and does', () => {
  const paths = { dataDirectory: '/tmp/demo/data', knownHostsFile: '/tmp/demo/known_hosts' };
  expect(consolePaths('linux', { XDG_CONFIG_HOME: '/data', ...pathsEnvironment(paths) }, '/home/a')).toEqual(paths);
});
