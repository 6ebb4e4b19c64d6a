/** The built renderer as a table from URL path to bytes: what is not in the table does not exist, so no path can leave its root. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';

const FILES_MAX = 2_000;
const BYTES_MAX = 64 * 1024 * 1024;
const INDEX = 'index.html';

export interface Asset {
  body: Buffer<ArrayBuffer>;
  content_type: string;
  etag: string;
  cache_control: string;
}

/** Keyed by the path of the URL as it is sent, such as `/assets/index-4f2a9c1b.js`; the page itself is `/`. */
export type Assets = ReadonlyMap<string, Asset>;

export interface AssetAnswer {
  status: 200 | 304 | 404;
  headers: Record<string, string>;
  body: Buffer<ArrayBuffer> | null;
}

/** The answer for a URL's path. Pure: `if_none_match` is the request's header of that name. */
export function answerAsset(assets: Assets, path: string, if_none_match?: string | null): AssetAnswer {
  const asset = assets.get(path);
  if (asset === undefined) {
    return { status: 404, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: Buffer.from('Not found\n') };
  }
  const headers = { 'content-type': asset.content_type, 'cache-control': asset.cache_control, etag: asset.etag };
  if (if_none_match?.split(',').some((tag) => tag.trim() === asset.etag)) return { status: 304, headers, body: null };
  return { status: 200, headers: { ...headers, 'content-length': String(asset.body.byteLength) }, body: asset.body };
}

/**
 * Reads a built renderer whole: it is a few megabytes, and what was read cannot change under a running shell.
 * Throws an error that says how to build it when there is none. Symbolic links are not followed.
 */
export async function loadAssets(directory: string): Promise<Assets> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile());
  if (!files.some((file) => file.parentPath === directory && file.name === INDEX)) {
    throw new Error(`There is no built console in ${directory}; run "npm run build".`);
  }
  if (files.length > FILES_MAX) throw new Error(`${directory} holds more than ${FILES_MAX} files; it is not a built console.`);

  const assets = new Map<string, Asset>();
  let bytes = 0;
  for (const file of files) {
    const path = join(file.parentPath, file.name);
    const body = await readFile(path);
    bytes += body.byteLength;
    if (bytes > BYTES_MAX) throw new Error(`${directory} holds more than ${BYTES_MAX} bytes; it is not a built console.`);
    const url = `/${path
      .slice(directory.length)
      .split(/[\\/]/)
      .filter((part) => part !== '')
      .map(encodeURIComponent)
      .join('/')}`;
    assets.set(url === `/${INDEX}` ? '/' : url, describe(file.name, body));
  }
  return assets;
}

function describe(name: string, body: Buffer<ArrayBuffer>): Asset {
  return {
    body,
    content_type: contentType(name),
    etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
    cache_control: isHashed(name) ? 'public, max-age=31536000, immutable' : 'no-cache',
  };
}

/** Whether a file's name carries a hash of its content as Vite writes it, `name-Hash8chr.ext`: then it never changes. */
export function isHashed(name: string): boolean {
  const hash = /-([A-Za-z0-9_-]{8})\.[a-z0-9]+(?:\.map)?$/.exec(name)?.[1];
  return hash !== undefined && /[0-9A-Z]/.test(hash);
}

const CONTENT_TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
};

function contentType(name: string): string {
  return CONTENT_TYPES[extname(name).toLowerCase()] ?? 'application/octet-stream';
}
