/** Paths beneath a directory that is backed up whole, and links within it. Pure. */

const PART = /^(?!\.{1,2}$)[A-Za-z0-9_.*@+:-]{1,255}$/;
const PARTS_MAX = 12;
const CHARACTERS_MAX = 1_024;

/** It leads to one place beneath the directory, and nowhere else. */
export function isTreePath(path: string): boolean {
  const parts = path.split('/');
  return path.length <= CHARACTERS_MAX && parts.length <= PARTS_MAX && parts.every((part) => PART.test(part));
}

/** Where a link at `path` leads to, beneath the same directory; null: out of it, or nowhere that can be told. */
export function linkTarget(path: string, target: string): string | null {
  const parts = path.split('/').slice(0, -1);
  for (const part of target.split('/')) {
    if (part === '..') {
      if (parts.pop() === undefined) return null;
    } else if (PART.test(part)) parts.push(part);
    else if (part !== '.') return null;
  }
  const found = parts.join('/');
  return isTreePath(found) ? found : null;
}

/** The directories that a path leads through, outermost first. */
export function parentsOf(path: string): string[] {
  const parts = path.split('/');
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
}
