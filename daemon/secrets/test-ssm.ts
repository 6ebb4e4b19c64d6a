/**
 * Parameter Store on loopback: `GetParametersByPath` of the JSON 1.1 protocol, with paging, decryption, signatures and errors as published.
 * Source: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParametersByPath.html, CommonErrors.html beside it, and
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html.
 */
import { createHash, createHmac } from 'node:crypto';
import { type Answer, type ProviderServer, type Request, startProviderServer } from './test-provider-server.ts';

export const AWS_KEYS = { access_key_id: 'AKIAIOSFODNN7NEXTDEP', secret_access_key: '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' };
export const AWS_REGION = 'eu-central-1';
const TARGET = 'AmazonSSM.GetParametersByPath';
const RESULTS_MAX = 10;

export interface SsmOptions {
  /** Pages that are empty, and have a next one all the same: results come on a best-effort basis. */
  empty_pages?: number;
  /** What the keys are allowed to read. */
  allowed?: string;
}

export interface SsmServer extends ProviderServer {
  parameters: Map<string, string>;
}

export async function startSsm(entries: Record<string, string>, options: SsmOptions = {}): Promise<SsmServer> {
  const parameters = new Map(Object.entries(entries));
  const server = await startProviderServer((request) => answer(request, parameters, options));
  return Object.assign(server, { parameters });
}

export function ssmError(name: string, message = 'no', status = 400, headers: Record<string, string> = {}): Answer {
  const body = JSON.stringify({ __type: name, message });
  return { status, headers: { 'content-type': 'application/x-amz-json-1.1', ...headers }, body };
}

export const throttling = () => ssmError('ThrottlingException', 'Rate exceeded');

function answer(
  request: Request,
  parameters: ReadonlyMap<string, string>,
  { empty_pages = 0, allowed = '/' }: SsmOptions,
): Answer {
  if (request.headers['x-amz-target'] !== TARGET) return ssmError('UnknownOperationException');
  const problem = problemOfSignature(request);
  if (problem !== null) return problem;
  const input = JSON.parse(request.body) as Record<string, unknown>;
  const { Path: path, Recursive: recursive = false, WithDecryption: decrypts = false, MaxResults: max = RESULTS_MAX } = input;
  if (typeof path !== 'string' || !path.startsWith('/'))
    return ssmError('ValidationException', 'The parameter path is not valid');
  if (typeof max !== 'number' || max > RESULTS_MAX) return ssmError('ValidationException', 'Member must have value <= 10');
  if (!path.startsWith(allowed)) return ssmError('AccessDeniedException', `User is not authorized on resource ${path}`);
  const token = Number(input.NextToken ?? 0);
  if (!Number.isInteger(token)) return ssmError('InvalidNextToken');
  const prefix = path === '/' ? path : `${path}/`;
  const found = [...parameters].filter(
    ([name]) => name.startsWith(prefix) && (recursive || !name.slice(prefix.length).includes('/')),
  );
  // The first pages are empty; tokens count them.
  const from = Math.max(token - empty_pages, 0) * max;
  const page = token < empty_pages ? [] : found.slice(from, from + max);
  const isLast = token >= empty_pages && from + max >= found.length;
  const Parameters = page.map(([Name, value]) => ({
    ...{ Name, Type: 'SecureString', Version: 1, DataType: 'text', LastModifiedDate: 1_700_000_000.5 },
    ARN: `arn:aws:ssm:${AWS_REGION}:123456789012:parameter${Name}`,
    Value: decrypts === true ? value : 'AQICAHh…ciphertext',
  }));
  const body = JSON.stringify({ Parameters, ...(isLast ? {} : { NextToken: String(token + 1) }) });
  return { status: 200, headers: { 'content-type': 'application/x-amz-json-1.1' }, body };
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();

/** As the service checks it (Signature Version 4); null: it is right. */
function problemOfSignature({ method, url, headers, body }: Request): Answer | null {
  const parts =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/ssm\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/;
  const [, id, day = '', region = '', signed = '', signature] = parts.exec(headers.authorization ?? '') ?? [];
  if (id === undefined) return ssmError('MissingAuthenticationTokenException');
  if (id !== AWS_KEYS.access_key_id)
    return ssmError('UnrecognizedClientException', 'The security token included in the request is invalid.');
  const lines = signed.split(';').map((name) => `${name}:${String(headers[name] ?? '').trim()}\n`);
  const canonical = [method, url.pathname, '', lines.join(''), signed, sha256(body)].join('\n');
  const scope = `${day}/${region}/ssm/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha256(canonical)].join('\n');
  const key = [day, region, 'ssm', 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${AWS_KEYS.secret_access_key}`);
  return hmac(key, text).toString('hex') === signature ? null : ssmError('InvalidSignatureException');
}
