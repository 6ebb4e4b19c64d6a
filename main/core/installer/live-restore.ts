/**
 * Docker's `live-restore`: containers go on while dockerd restarts, as at its upgrade. Whether the installer switches it on, and how
 * Docker's configuration file then reads. Pure. Source: https://docs.docker.com/engine/daemon/live-restore/
 */

const KEY = 'live-restore';

/** What `docker_settings` of scripts.ts printed. */
export interface DockerSettings {
  isOn: boolean;
  /** `inactive` where Docker is no node of a swarm; empty where it did not answer. */
  swarm: string;
  /** /etc/docker/daemon.json, `text` being null where there is none. */
  file: { kind: 'plain'; text: string | null } | { kind: 'link' };
}

export type LiveRestorePlan = { kind: 'is on' } | { kind: 'write'; text: string } | { kind: 'leave'; reason: string };

export function parseDockerSettings(output: string): DockerSettings {
  const value = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(output)?.[1] ?? '';
  const text = value('file') === 'there' ? Buffer.from(value('content'), 'base64').toString('utf8') : null;
  return {
    isOn: value('live_restore') === 'true',
    swarm: value('swarm'),
    file: value('file') === 'link' ? { kind: 'link' } : { kind: 'plain', text },
  };
}

export function planLiveRestore({ isOn, swarm, file }: DockerSettings): LiveRestorePlan {
  if (isOn) return { kind: 'is on' };
  // Docker refuses to start with both.
  if (swarm !== 'inactive') return leave(swarm === '' ? 'Docker does not say whether it is in a swarm' : 'Docker is in a swarm');
  if (file.kind === 'link') return leave('/etc/docker/daemon.json is a link to a file that something else keeps');
  if (file.text === null) return { kind: 'write', text: `{\n  "${KEY}": true\n}\n` };
  const before = jsonObject(file.text);
  if (before === null) return leave('/etc/docker/daemon.json is not a plain JSON object');
  if (KEY in before) return leave(`/etc/docker/daemon.json says "${KEY}": ${JSON.stringify(before[KEY])}`);
  return { kind: 'write', text: withKey(file.text, Object.keys(before).length === 0) };
}

const leave = (reason: string): LiveRestorePlan => ({ kind: 'leave', reason });

function jsonObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    // A JSON object is a record of its keys.
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** Put in as text, as the first key of the object: the rest stays as the operator wrote it, to the byte. */
function withKey(text: string, isEmpty: boolean): string {
  const at = text.indexOf('{') + 1;
  if (isEmpty) return `${text.slice(0, at)}\n  "${KEY}": true\n${text.slice(at).trimStart()}`;
  const indent = /^\s*/.exec(text.slice(at))?.[0] ?? '';
  return `${text.slice(0, at)}${indent}"${KEY}": true,${indent === '' ? ' ' : indent}${text.slice(at + indent.length)}`;
}
