import type { AppStatus } from '../../daemon/contract/domain.ts';
import type { InstallStep } from '../../preload/contract.ts';
import { fromBase64, toBase64 } from '../state/base64.ts';
import type { ScriptedChannel } from './scripted-bridge.ts';

const HISTORY_SECONDS = 280;
const LOG_HISTORY_LINES = 300;
const FIREHOSE_LINES_PER_SECOND = 5_000;

/** Figures of a machine with some work to do, with the last minutes before them. */
export function playSystem(channel: ScriptedChannel, send: (message: unknown) => void, seed: number): void {
  const sampleAt = (time_ms: number) => {
    const t = time_ms / 1000 + seed * 37;
    const cpu = 24 + 14 * Math.sin(t / 31) + 9 * Math.sin(t / 4.7) + 5 * Math.sin(t * 2.3);
    const memory = 7.6e9 + 4e8 * Math.sin(t / 61);
    const network = 1 + Math.max(0, Math.sin(t / 17) + 0.6 * Math.sin(t / 2.9));
    return {
      ts: new Date(time_ms).toISOString(),
      cpu: { percent: Math.max(0.4, cpu), cores: 4 },
      memory: { total_bytes: 16.6e9, used_bytes: memory, available_bytes: 16.6e9 - memory },
      disk: { total_bytes: 160e9, used_bytes: 93e9, available_bytes: 67e9 },
      network: { received_bytes_per_second: network * 1.4e6, sent_bytes_per_second: network * 3.1e6 },
      load: [0.82, 0.74, 0.69],
      uptime: 1_042_000,
    };
  };
  const now = Date.now();
  for (let second = HISTORY_SECONDS; second > 0; second -= 1) send(sampleAt(now - second * 1000));
  const timer = setInterval(() => send(sampleAt(Date.now())), 1_000);
  channel.onClose = () => clearInterval(timer);
}

const LOG_TEXTS = [
  '\u001b[32mGET\u001b[39m /products/42 \u001b[32m200\u001b[39m in 18ms',
  '\u001b[32mGET\u001b[39m /api/health \u001b[32m200\u001b[39m in 2ms',
  '\u001b[36mPOST\u001b[39m /cart \u001b[33m303\u001b[39m in 41ms',
  'revalidated /products in 112ms',
  '{"level":"info","time":"2025-11-22T09:14:03.112Z","msg":"order placed","order":"A-20931","total":129.9}',
  '\u001b[32mGET\u001b[39m /_next/static/chunks/4bd1b696.js \u001b[32m200\u001b[39m in 1ms',
];
const ERROR_TEXT = '\u001b[1m\u001b[31mError\u001b[39m\u001b[22m: fetch failed: ETIMEDOUT payments.example.net:443';

/** Lines of the live release: a few a second, or thousands. */
export function playLogs(
  channel: ScriptedChannel,
  send: (message: unknown) => void,
  current: () => AppStatus | undefined,
  isFirehose: boolean,
): void {
  let count = 0;
  const line = (time_ms: number) => {
    const app = current();
    if (app === undefined || app.release === null || app.slot === null) return;
    count += 1;
    const isError = count % 23 === 0;
    send({
      app_name: app.name,
      log: isError ? ERROR_TEXT : `${LOG_TEXTS[count % LOG_TEXTS.length]}${isFirehose ? ` #${count}` : ''}`,
      ts: new Date(time_ms).toISOString().replace('Z', `${String(count % 1_000_000).padStart(6, '0')}Z`),
      release: app.release,
      slot: app.slot,
      stream: isError ? 'stderr' : 'stdout',
    });
  };
  const now = Date.now();
  for (let index = LOG_HISTORY_LINES; index > 0; index -= 1) line(now - index * 700);
  const timer = setInterval(
    () => {
      const lines = isFirehose ? FIREHOSE_LINES_PER_SECOND / 50 : 1;
      if (current()?.status !== 'stopped') for (let index = 0; index < lines; index += 1) line(Date.now());
    },
    isFirehose ? 20 : 450,
  );
  channel.onClose = () => clearInterval(timer);
}

const INSTALL: [InstallStep['name'], string][] = [
  ['preflight', 'Debian 12, x86_64, systemd 252, Docker 20.10, Caddy 2.6, 67 GB free'],
  ['upload', '31 MB'],
  ['verify', 'sha256 matches'],
  ['stage', '/opt/nextdeploy/releases/0.1.0-3f9ac2d1'],
  ['self-test', 'the daemon starts with its own runtime'],
  ['switch', 'current → 0.1.0-3f9ac2d1'],
  ['start', 'nextdeployd.service is active'],
  ['probe', 'answers over the tunnel'],
];

/** A second per step; the upload has progress. */
export function playInstall(channel: ScriptedChannel, onInstalled: () => void): void {
  let tick = 0;
  const timer = setInterval(() => {
    const [name, detail] = INSTALL[Math.floor(tick / 4)] ?? ['probe', ''];
    const part = tick % 4;
    channel.send({ name, detail, state: part === 3 ? 'done' : 'running', progress: name === 'upload' ? part / 3 : null });
    tick += 1;
    if (tick < INSTALL.length * 4) return;
    clearInterval(timer);
    onInstalled();
    channel.end();
  }, 150);
  channel.onClose = () => clearInterval(timer);
}

/** A shell that echoes, and knows one command. */
export function playTerminal(channel: ScriptedChannel): void {
  const print = (text: string) => channel.send({ kind: 'output', data: toBase64(new TextEncoder().encode(text)) });
  const prompt = '\u001b[32mroot@web-1\u001b[39m:\u001b[34m~\u001b[39m# ';
  let line = '';
  print(`Linux web-1 6.1.0-40-amd64 #1 SMP Debian\r\n\r\n${prompt}`);
  channel.onMessage = (message) => {
    const input = message as { kind: string; data?: string };
    if (input.kind !== 'input' || input.data === undefined) return;
    for (const key of new TextDecoder().decode(fromBase64(input.data))) {
      if (key !== '\r') {
        line += key;
        print(key);
      } else {
        const answer = line === 'uname -a' ? 'Linux web-1 6.1.0-40-amd64 #1 SMP PREEMPT_DYNAMIC Debian x86_64 GNU/Linux\r\n' : '';
        print(`\r\n${answer}${prompt}`);
        line = '';
      }
    }
  };
}
