import type { RestoreReport } from '../../daemon/contract/backup.ts';
import type { ChannelInput, ChannelUp } from '../../preload/contract.ts';
import { toBase64 } from '../state/base64.ts';
import type { ScriptedChannel } from './scripted-bridge.ts';
import { ago, DAY_MS } from './world.ts';

/** A passphrase that the script takes for the wrong one. */
const WRONG = /wrong/;

/** As the core sends a backup: some chunks of what is no secret at all. */
export function playBackup(channel: ScriptedChannel): void {
  for (let count = 0; count < 8; count += 1) channel.send({ data: toBase64(new Uint8Array(200_000)) });
  channel.end();
}

/** As the core takes one: it asks for the whole of it, and then says what the daemon would. */
export function playRestore(channel: ScriptedChannel, { passphrase, apply }: ChannelInput<'backup.restore'>): void {
  channel.onMessage = (raw) => {
    const message = raw as ChannelUp<'backup.restore'>; // the bridge's other end has its type
    if (message.kind === 'bytes') return channel.send({ kind: 'taken', bytes: atob(message.data).length });
    if (WRONG.test(passphrase)) {
      const text = 'The passphrase does not open this file, or the file is damaged; check both. Nothing was changed.';
      return channel.end({ code: 'unprocessable', message: text });
    }
    channel.send({ kind: 'report', report: reportOf(apply) });
    channel.end();
  };
}

const change = (
  kind: 'app' | 'secret' | 'token' | 'route' | 'certificate',
  name: string,
  what: 'added' | 'replaced' | 'gone',
  detail: string,
) => ({ kind, name, change: what, detail }) as const;

function reportOf(applied: boolean): RestoreReport {
  return {
    applied,
    restore_id: applied ? 'rst-7d1f3c9a' : null,
    backup: { created_at: ago(3 * DAY_MS), hostname: 'web-1', version: '0.1.0' },
    changes: [
      change('app', 'newsletter', 'added', 'with 3 releases'),
      change('app', 'shop', 'replaced', 'r9 is live in the backup, r12 here'),
      change('certificate', 'docs.example.com', 'replaced', 'the one in the backup ends on 2027-01-12'),
      change(
        'route',
        'very-long-name-of-a-preview-environment.staging.eu-central-1.example.com',
        'gone',
        'it leads to port 8443',
      ),
      change('secret', 'app shop SIGNING_KEY', 'gone', 'set 17 min ago by anna'),
      change('secret', 'app shop STRIPE_KEY', 'replaced', 'version 4 in the backup, 5 here'),
      change('token', 'old-laptop', 'replaced', 'live in the backup, revoked here; revoke it again'),
    ],
    unchanged: 31,
    apps: [
      { name: 'blog', outcome: 'serves_on', detail: '' },
      { name: 'shop', outcome: 'starts', detail: 'r9 takes the place of r12' },
      {
        ...{ name: 'newsletter', outcome: 'needs_image' },
        detail: 'load newsletter:12 (`nextdeploy images load`), then start it (`nextdeploy start newsletter`)',
      },
      { name: 'docs', outcome: 'stays_stopped', detail: '' },
    ],
    missing_images: [
      { app_name: 'newsletter', release: 'r3', image: 'registry.example.com/newsletter:12', image_id: 'sha256:1', is_live: true },
      { app_name: 'shop', release: 'r8', image: 'registry.example.com/shop:1.3.8', image_id: 'sha256:2', is_live: false },
    ],
    kept_in: ['/var/lib/nextdeploy/before-restore'],
  };
}
