/** Groups of this host, from the file that holds them (group(5)). */
import { readFileSync } from 'node:fs';

export function findGroupId(name: string): number | null {
  const gid = findLine(name)?.[2];
  return gid ? Number(gid) : null;
}

function findLine(name: string): string[] | undefined {
  const lines = readFileSync('/etc/group', 'utf8').split('\n');
  return lines.map((line) => line.split(':')).find((fields) => fields[0] === name);
}
