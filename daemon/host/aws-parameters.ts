/**
 * Parameter Store through Amazon's own SDK: it signs, and finds the host's own credentials. The network is ours, so that an answer is
 * bounded, and so are the attempts. Nothing that the SDK throws leaves this file: its errors carry requests and answers.
 */
import type { SSMClient, SSMClientConfig } from '@aws-sdk/client-ssm';
import { z } from 'zod';
import type { HttpClient, HttpOutcome, ParameterPage, ParameterPath, ParameterReader, ParameterStore } from '../secrets/ports.ts';

type Handler = Extract<NonNullable<SSMClientConfig['requestHandler']>, { httpHandlerConfigs(): unknown }>;
type SdkRequest = Parameters<Handler['handle']>[0];

const pageSchema = z.object({
  Parameters: z.array(z.object({ Name: z.string(), Value: z.string() })).optional(),
  NextToken: z.string().optional(),
});
/** Of an error that the service answered with. */
const refusalSchema = z.object({ name: z.string(), $fault: z.string() });

export function createParameterStore(http: HttpClient): ParameterStore {
  return { open: (path) => new SdkReader(path, http) };
}

class SdkReader implements ParameterReader {
  readonly #path: ParameterPath;
  readonly #http: HttpClient;
  #client: SSMClient | undefined;
  /** Of the page that is being asked for. */
  #bounds = { time_ms: 0, signal: new AbortController().signal };
  #outcome: HttpOutcome | null = null;

  constructor(path: ParameterPath, http: HttpClient) {
    this.#path = path;
    this.#http = http;
  }

  async getPage(next_token: string | null, time_ms: number, signal: AbortSignal): Promise<ParameterPage> {
    const { GetParametersByPathCommand, SSMClient: Client } = await import('./aws-sdk.ts');
    this.#client ??= new Client(this.#configuration());
    this.#bounds = { time_ms, signal };
    this.#outcome = null;
    const input = { Path: this.#path.path, Recursive: true, WithDecryption: true };
    const command = new GetParametersByPathCommand({ ...input, ...(next_token !== null && { NextToken: next_token }) });
    try {
      // Also for what is asked before: the role of this server, say.
      return toPage(await within(this.#client.send(command), time_ms, signal));
    } catch (error) {
      signal.throwIfAborted();
      return this.#explain(error);
    }
  }

  #configuration(): SSMClientConfig {
    const { region, endpoint, keys } = this.#path;
    return {
      region,
      // How often is decided by who asks.
      maxAttempts: 1,
      requestHandler: this.#handler(),
      ...(endpoint !== undefined && { endpoint }),
      ...(keys !== null && {
        credentials: {
          accessKeyId: keys.access_key_id,
          secretAccessKey: keys.secret_access_key,
          ...(keys.session_token !== undefined && { sessionToken: keys.session_token }),
        },
      }),
    };
  }

  #handler(): Handler {
    return {
      handle: async (request: SdkRequest) => {
        const { time_ms, signal } = this.#bounds;
        this.#outcome = await this.#http.send(toHttpRequest(request), time_ms, signal);
        if (this.#outcome.kind === 'unanswered') throw new Error('unanswered');
        const { status, headers, body } = this.#outcome;
        return { response: { statusCode: status, headers, body: new Uint8Array(body) } };
      },
      updateHttpClientConfig: () => undefined,
      httpHandlerConfigs: () => ({}),
    };
  }

  #explain(error: unknown): ParameterPage {
    const outcome = this.#outcome;
    if (error instanceof OutOfTime && outcome === null) return { kind: 'unanswered', reason: error.message, is_passing: true };
    if (outcome === null) return { kind: 'no_credentials' };
    if (outcome.kind === 'unanswered') return outcome;
    const refusal = refusalSchema.safeParse(error);
    const name = refusal.success ? refusal.data.name : '';
    return { kind: 'refused', name, status: outcome.status, wait_ms: outcome.wait_ms };
  }
}

function toHttpRequest({ protocol, hostname, port, path, headers, body }: SdkRequest): Parameters<HttpClient['send']>[0] {
  const url = new URL(`${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path}`);
  return { method: 'POST', url, headers: { ...headers }, body: z.union([z.string(), z.instanceof(Uint8Array)]).parse(body) };
}

function toPage(answer: unknown): ParameterPage {
  const parsed = pageSchema.safeParse(answer);
  if (!parsed.success) return { kind: 'refused', name: '', status: 200, wait_ms: null };
  const { Parameters: parameters = [], NextToken: next_token = null } = parsed.data;
  return { kind: 'page', parameters: parameters.map(({ Name: name, Value: value }) => ({ name, value })), next_token };
}

class OutOfTime extends Error {}

async function within<T>(work: Promise<T>, time_ms: number, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new OutOfTime(`no answer within ${Math.ceil(time_ms / 1_000)} s`)), time_ms);
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}
