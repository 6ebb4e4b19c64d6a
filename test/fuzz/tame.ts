/** What is kept out of requests so that nothing leaves this machine, and no operation takes an hour. Pure. */

const NOBODY_LISTENS = 'http://127.0.0.1:9';

type Fields = Record<string, unknown>;
const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Endpoints of providers, and images, are of this host; certificates are asked of nobody. What the contract refuses stays as it is. */
export function tame(body: unknown): unknown {
  if (!isObject(body)) return body;
  const tamed = { ...body };
  if (isObject(body.provider)) tamed.provider = tameProvider(body.provider);
  if (typeof body.image === 'string' && /^[a-z0-9]/.test(body.image) && !body.image.startsWith('127.0.0.1:1/')) {
    if (!body.image.startsWith('nextdeploy-tiny:')) tamed.image = `127.0.0.1:1/${body.image}`;
  }
  if (body.tls === 'auto') tamed.tls = 'off';
  return tamed;
}

/** Also where the endpoint is left to its default, which is the provider's own; Amazon's keys, too, which are asked of the cloud then. */
function tameProvider(provider: Fields): Fields {
  const { kind, endpoint } = provider;
  if (kind !== 'doppler' && kind !== 'aws_ssm') return provider;
  const isAway = endpoint === undefined || (typeof endpoint === 'string' && URL.canParse(endpoint));
  const keys =
    kind === 'aws_ssm' && provider.access_key_id === undefined
      ? { access_key_id: 'AKIA0123456789ABCDEF', secret_access_key: 'x' }
      : {};
  return { ...provider, ...keys, ...(isAway ? { endpoint: NOBODY_LISTENS } : {}) };
}
