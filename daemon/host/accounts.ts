/** Users and groups of this host, from the files that hold them (passwd(5), group(5)). */
import { readFileSync } from 'node:fs';

export function findGroupId(name: string): number | null {
  const gid = findLine('/etc/group', name)?.[2];
  return gid ? Number(gid) : null;
}

export function findUser(name: string): { uid: number; gid: number; home: string } | null {
  const [, , uid, gid, , home] = findLine('/etc/passwd', name) ?? [];
  return uid && gid && home ? { uid: Number(uid), gid: Number(gid), home } : null;
}

function findLine(file: string, name: string): string[] | undefined {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.map((line) => line.split(':')).find((fields) => fields[0] === name);
}
