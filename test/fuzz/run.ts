/** A run: batches until enough was sent, and the figures of it. */
import { countFigure, type Figure } from '../bench/figures.ts';
import { flatness } from '../soak/flat.ts';
import type { Case } from './case.ts';
import { type Finding, Fuzzer, type Reporter } from './fuzzer.ts';
import type { Target } from './target.ts';

export interface RunOptions extends Reporter {
  requests: number;
  make(index: number): Case;
  /** Ends after so long, in milliseconds, however many requests were sent. */
  duration_ms?: number | undefined;
  /** How much more memory the last quarter of the run may take than the second. */
  memory_tolerance: { units: number; percent: number };
  signal?: AbortSignal;
}

export interface RunResult {
  findings: Finding[];
  figures: Figure[];
}

const BATCH = 500;
const FINDINGS_MAX = 20;
/** What {@link flatness} needs. */
const SAMPLES_MIN = 4;
const BATCHES_TOLD = 10;

export async function fuzz(target: Target, options: RunOptions): Promise<RunResult> {
  const { make, requests, duration_ms = Number.POSITIVE_INFINITY, say, signal } = options;
  const fuzzer = await Fuzzer.start(target, options);
  try {
    const begun = performance.now();
    const memory: number[] = [];
    let sent = 0;
    while (sent < requests && performance.now() - begun < duration_ms && fuzzer.findings.length < FINDINGS_MAX) {
      signal?.throwIfAborted();
      const from = sent;
      await fuzzer.batch(Array.from({ length: Math.min(BATCH, requests - sent) }, (_, index) => make(from + index)));
      memory.push(await target.memoryKib());
      sent = Math.min(sent + BATCH, requests);
      if (memory.length % BATCHES_TOLD !== 0) continue;
      const rate = Math.round(sent / ((performance.now() - begun) / 1_000));
      const size = Math.round((memory.at(-1) ?? 0) / 1_024);
      say(`${sent} of ${requests} requests, ${rate} a second, ${fuzzer.findings.length} findings, daemon at ${size} MiB`);
    }
    return { findings: fuzzer.findings, figures: figuresOf(sent, fuzzer, memory, options) };
  } finally {
    fuzzer.close();
  }
}

/** Sends these cases, one after the other, and judges them. */
export async function replay(target: Target, cases: readonly Case[], reporter: Reporter): Promise<Finding[]> {
  const fuzzer = await Fuzzer.start(target, reporter);
  try {
    for (const each of cases) await fuzzer.batch([each]);
    return fuzzer.findings;
  } finally {
    fuzzer.close();
  }
}

function figuresOf(
  sent: number,
  { findings, uncompared }: Fuzzer,
  memory: readonly number[],
  { requests, duration_ms, memory_tolerance }: RunOptions,
): Figure[] {
  const counted = (name: string, unit: string, fault: Finding['fault']) => {
    const value = findings.filter((each) => each.fault === fault).length;
    return countFigure(`fuzz.${name}`, unit, { value, reference: null }, { at_most: 0 });
  };
  const wanted = duration_ms === undefined ? { at_least: requests } : null;
  return [
    countFigure('fuzz.requests', 'requests', { value: sent, reference: null }, wanted),
    counted('crashes', 'crashes', 'crash'),
    counted('5xx', 'answers', '5xx'),
    counted('changes', 'batches', 'change'),
    ...(memory.length < SAMPLES_MIN ? [] : [flatness('fuzz.rss_growth', 'KiB', memory, memory_tolerance)]),
    counted('unanswered', 'requests', 'unanswered'),
    counted('malformed', 'answers', 'malformed'),
    counted('admitted', 'answers', 'admitted'),
    counted('errors_logged', 'batches', 'error_logged'),
    countFigure('fuzz.uncompared', 'batches', { value: uncompared, reference: null }, { at_most: Math.ceil(sent / BATCH / 20) }),
  ];
}
