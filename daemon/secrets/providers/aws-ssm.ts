/**
 * AWS Systems Manager Parameter Store: `GetParametersByPath`, recursive and decrypted, page by page. A page may be empty and have a next one.
 * Source: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParametersByPath.html and CommonErrors.html beside it.
 */
import { LIMITS } from '../../contract/limits.ts';
import type { Provider } from '../../contract/secret-providers.ts';
import type { ParameterPage, ParameterPath, ParameterStore } from '../ports.ts';
import type { Sealed } from '../sealed.ts';
import { faulty, ProviderFailure, said, throttled, unanswered } from './failure.ts';
import { type Patience, withRetries } from './retry.ts';
import { toSecrets, type Variable } from './variables.ts';

type Aws = Extract<Provider, { kind: 'aws_ssm' }>;

const NAME = 'AWS Parameter Store';

/** Throws a {@link ProviderFailure}. */
export async function pullParameters(provider: Aws, store: ParameterStore, patience: Patience): Promise<Map<string, Sealed>> {
  const where = `${provider.path} of ${provider.region}`;
  const reader = store.open(toPath(provider));
  const variables: Variable[] = [];
  let next_token: string | null = null;
  for (let pages = 0; pages === 0 || next_token !== null; pages += 1) {
    if (pages === LIMITS.provider_pages_max || variables.length > LIMITS.env_entries_max)
      throw new ProviderFailure(`${where} has more parameters than an app can be given; take a longer path`);
    const token: string | null = next_token;
    const page = await withRetries(patience, async (time_ms) => {
      const answer = await reader.getPage(token, time_ms, patience.signal);
      if (answer.kind !== 'page') throw failureOf(answer, provider);
      return answer;
    });
    variables.push(...page.parameters.map((parameter) => toVariable(parameter, provider.path)));
    next_token = page.next_token;
  }
  return toSecrets(variables, where);
}

function toPath({ region, path, endpoint, access_key_id, secret_access_key, session_token }: Aws): ParameterPath {
  const hasKeys = access_key_id !== undefined && secret_access_key !== undefined;
  return { region, path, endpoint, keys: hasKeys ? { access_key_id, secret_access_key, session_token } : null };
}

/** `/shop/production/db/url` beneath `/shop/production` is DB_URL. */
function toVariable({ name, value }: { name: string; value: string }, path: string): Variable {
  const prefix = path === '/' ? '/' : `${path}/`;
  const rest = name.startsWith(prefix) ? name.slice(prefix.length) : name;
  return { name: rest.replaceAll('/', '_').toUpperCase(), value, source: rest };
}

const BAD_KEYS =
  /^(UnrecognizedClient|InvalidClientTokenId|InvalidSignature|SignatureDoesNotMatch|IncompleteSignature|MissingAuthenticationToken|InvalidAccessKeyId|AuthFailure|OptInRequired)/;
const EXPIRED = /^(ExpiredToken|RequestExpired|TokenRefreshRequired)/;
const THROTTLED = /^(Throttl|TooManyRequests|RequestLimitExceeded|RequestThrottled|SlowDown)/;

function failureOf(answer: Exclude<ParameterPage, { kind: 'page' }>, provider: Aws): ProviderFailure {
  if (answer.kind === 'unanswered') return unanswered(NAME, answer);
  if (answer.kind === 'no_credentials')
    return new ProviderFailure(
      'this server has no credentials for AWS that work; give it a role, or set the provider anew with keys',
    );
  const { name, status, wait_ms } = answer;
  if (status === 429 || THROTTLED.test(name)) return throttled(NAME, wait_ms);
  if (status >= 500) return faulty(NAME, status, wait_ms);
  const remedy =
    provider.access_key_id === undefined ? 'look at the role of this server' : 'set the provider anew with keys that are';
  if (BAD_KEYS.test(name)) return new ProviderFailure(`AWS does not take the credentials as valid; ${remedy}`);
  if (EXPIRED.test(name)) return new ProviderFailure(`the credentials for AWS have expired; ${remedy}`);
  if (/^(AccessDenied|UnauthorizedOperation|NotAuthorized)/.test(name)) {
    const needed = 'ssm:GetParametersByPath, and kms:Decrypt for the key of its secure strings';
    return new ProviderFailure(`the credentials for AWS may not read ${provider.path}; allow them ${needed}`);
  }
  if (name === 'InvalidKeyId')
    return new ProviderFailure(
      `the key that parameters beneath ${provider.path} are encrypted with cannot be used; look at it in KMS`,
    );
  if (name === '') return new ProviderFailure(`what ${NAME} answers is not understood (status ${status}); look at its endpoint`);
  return new ProviderFailure(`${NAME} refuses to give ${provider.path} (${said(name, [])}, status ${status})`);
}
