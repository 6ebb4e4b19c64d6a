/** Backup and restore: one file with everything that a server needs to be itself again, but for the images. */
import { z } from 'zod';
import { LIMITS } from './limits.ts';
import { noParams, noQuery, nothing, route } from './route.ts';

export const BACKUP_MEDIA_TYPE = 'application/vnd.nextdeploy.backup';

const { backup_passphrase_characters_min: min, backup_passphrase_characters_max: max } = LIMITS;
export const passphraseSchema = z
  .string()
  .min(min, `use at least ${min} characters; four or five random words are easy to keep`)
  .max(max, `use at most ${max} characters`)
  .regex(/^\P{Cc}*$/u, 'use one line without control characters');

export const backupRequestSchema = z.strictObject({ passphrase: passphraseSchema }).meta({ id: 'BackupRequest' });

/** - `added`: it is in the backup alone. - `replaced`: in both, and they differ. - `gone`: on this server alone. */
export const restoreChangeSchema = z
  .strictObject({
    kind: z.enum(['app', 'release', 'secret', 'certificate', 'route', 'token', 'setting']),
    name: z.string(),
    change: z.enum(['added', 'replaced', 'gone']),
    detail: z.string(),
  })
  .meta({ id: 'RestoreChange' });
export type RestoreChange = z.infer<typeof restoreChangeSchema>;

/**
 * - `serves_on`: its containers are those of the backup.
 * - `starts`: its image is here; it is started once the state is restored.
 * - `needs_image`: it stays stopped until its image was loaded or pulled, and it is started.
 * - `stays_stopped`: it was stopped when the backup was made.
 */
export const restoredAppSchema = z
  .strictObject({
    name: z.string(),
    outcome: z.enum(['serves_on', 'starts', 'needs_image', 'stays_stopped']),
    detail: z.string().meta({ description: 'what to do, where there is something' }),
  })
  .meta({ id: 'RestoredApp' });
export type RestoredApp = z.infer<typeof restoredAppSchema>;

export const missingImageSchema = z.strictObject({
  app_name: z.string(),
  release: z.string(),
  image: z.string(),
  image_id: z.string(),
  is_live: z.boolean().meta({ description: 'false: only a rollback needs it' }),
});
export type MissingImage = z.infer<typeof missingImageSchema>;

export const restoreReportSchema = z
  .strictObject({
    applied: z.boolean().meta({ description: 'false: a rehearsal, which has changed nothing' }),
    restore_id: z
      .string()
      .nullable()
      .meta({ description: 'named by the event `state.restored` once it is done; null: a rehearsal' }),
    backup: z.strictObject({ created_at: z.string(), hostname: z.string(), version: z.string() }),
    changes: z.array(restoreChangeSchema),
    unchanged: z.number().int().meta({ description: 'how many things of those kinds are the same in both' }),
    apps: z.array(restoredAppSchema),
    missing_images: z.array(missingImageSchema).meta({ description: 'not on this host: to be loaded or pulled' }),
    kept_in: z.array(z.string()).meta({ description: 'where the state before is kept; an earlier one is removed then' }),
  })
  .meta({ id: 'RestoreReport' });
export type RestoreReport = z.infer<typeof restoreReportSchema>;

/** What a download is answered with; browser-safe, so no Node stream. */
const bytesSchema = z.custom<AsyncIterable<Uint8Array>>(
  (value) => typeof value === 'object' && value !== null && Symbol.asyncIterator in value,
);

export const backupRoutes = {
  createBackup: route({
    method: 'POST',
    path: '/backup',
    kind: 'download',
    role: 'admin',
    apps: 'never',
    summary: 'Stream one encrypted file with state, keys and certificates; `age --decrypt` opens it with the passphrase.',
    params: noParams,
    query: noQuery,
    body: backupRequestSchema,
    response: bytesSchema,
    binary: {
      media_type: BACKUP_MEDIA_TYPE,
      bytes_max: LIMITS.backup_bytes_max,
      description: 'An age file with a tar archive in it.',
    },
  }),
  restoreBackup: route({
    method: 'POST',
    path: '/restore',
    kind: 'upload',
    role: 'admin',
    apps: 'never',
    summary: 'Say what a backup would change; with apply, put its state in the place of this one and start anew with it.',
    params: noParams,
    query: z.strictObject({
      apply: z.stringbool().optional().meta({ description: 'default: a rehearsal that changes nothing' }),
    }),
    body: nothing,
    response: restoreReportSchema,
    binary: {
      media_type: BACKUP_MEDIA_TYPE,
      bytes_max: LIMITS.backup_bytes_max,
      description: 'The passphrase in UTF-8, a line feed, and the file as it is.',
    },
  }),
};
