/** The first entry of a backup: what is in it, and what each of the others has to be like. */
import { z } from 'zod';
import { DomainError } from '../contract/errors.ts';
import { LIMITS } from '../contract/limits.ts';
import { appNameSchema, timestampSchema } from '../contract/names.ts';
import { notOurs } from './archive.ts';
import { isTreePath, linkTarget, parentsOf } from './tree-paths.ts';

export const FORMAT_VERSION = 1;
export const MANIFEST_NAME = 'manifest.json';
export const MANIFEST_BYTES_MAX = 8 * 1024 ** 2;
/** Names in the archive. */
export const DATABASE_NAME = 'nextdeploy.db';
export const MASTER_KEY_NAME = 'master.key';
export const CONFIGURATION_NAME = 'config.yml';

/** Directories that are taken whole. `acme`: the account with the authority, so that its limits and permissions stay. */
export const TREES = ['certificates', 'acme'] as const;
export type TreeName = (typeof TREES)[number];

const account = z.string().regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/);
const pathSchema = z.string().refine(isTreePath);

const fileShape = {
  /** In the archive. */
  name: z.string().max(100),
  size_bytes: z.number().int().min(0).max(LIMITS.backup_bytes_max),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
};
const treeFileSchema = z.strictObject({
  ...fileShape,
  kind: z.enum(TREES),
  path: pathSchema,
  /** Of the file, as chmod(2) takes it; nobody else may write to it. */
  mode: z.number().int().min(0).max(0o777),
  owner: account,
  group: account,
});
export type TreeFile = z.infer<typeof treeFileSchema>;
/** Within its directory, by a relative path. Links are made when all files are there, so that none is written through one. */
const treeLinkSchema = z
  .strictObject({ kind: z.enum(TREES), path: pathSchema, target: z.string() })
  .refine(({ path, target }) => linkTarget(path, target) !== null);
export type TreeLink = z.infer<typeof treeLinkSchema>;
const entrySchema = z.discriminatedUnion('kind', [
  z.strictObject({ ...fileShape, kind: z.literal('database') }),
  z.strictObject({ ...fileShape, kind: z.literal('master_key') }),
  z.strictObject({ ...fileShape, kind: z.literal('configuration') }),
  treeFileSchema,
]);
export type ManifestEntry = z.infer<typeof entrySchema>;

const manifestSchema = z.strictObject({
  format: z.literal(FORMAT_VERSION),
  version: z.string().max(100),
  hostname: z.string().max(253),
  created_at: timestampSchema,
  /** What the markers of the apps said; the database says it too, and is what counts. */
  markers: z.record(appNameSchema, z.enum(['blue', 'green', 'stopped'])),
  entries: z.array(entrySchema).max(LIMITS.backup_entries_max),
  links: z.array(treeLinkSchema).max(LIMITS.backup_entries_max),
});
export type Manifest = z.infer<typeof manifestSchema>;

const formatSchema = z.object({ format: z.number(), version: z.string() });

export function formatManifest(manifest: Manifest): Buffer {
  return Buffer.from(`${JSON.stringify(manifest, null, 1)}\n`);
}

/** Throws `unprocessable`: a newer one says which version wrote it. */
export function parseManifest(bytes: Buffer): Manifest {
  const json = parseJson(bytes.toString('utf8'));
  const format = formatSchema.safeParse(json);
  if (!format.success) throw notOurs();
  if (format.data.format > FORMAT_VERSION) {
    const message = `The backup was written by a newer NextDeploy (${format.data.version.slice(0, 100)}); install that version, then restore. Nothing was changed.`;
    throw new DomainError('unprocessable', message);
  }
  const parsed = manifestSchema.safeParse(json);
  if (!parsed.success) throw notOurs();
  demandSound(parsed.data);
  return parsed.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw notOurs();
  }
}

/** One database and one key, nothing twice, and nothing beneath a file or a link. */
function demandSound({ entries, links }: Manifest): void {
  const count = (kind: ManifestEntry['kind']) => entries.filter((entry) => entry.kind === kind).length;
  const isWhole = count('database') === 1 && count('master_key') === 1 && count('configuration') <= 1;
  const names = new Set([MANIFEST_NAME, ...entries.map(({ name }) => name)]);
  const paths = [...entries.filter((entry) => 'path' in entry), ...links].map(({ kind, path }) => `${kind}/${path}`);
  const places = new Set(paths);
  const isNested = paths.some((path) => parentsOf(path).some((parent) => places.has(parent)));
  if (!isWhole || names.size <= entries.length || places.size < paths.length || isNested) throw notOurs();
  const files_bytes = entries.reduce((sum, entry) => sum + (entry.kind === 'database' ? 0 : entry.size_bytes), 0);
  if (files_bytes > LIMITS.backup_files_bytes_max) throw notOurs();
}
