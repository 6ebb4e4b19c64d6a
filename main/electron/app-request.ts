/** What the `app://` protocol answers. Knows nothing of Electron. */
import { type Assets, answerAsset } from '../web/assets.ts';
import { securityHeaders } from '../web/headers.ts';
import { isOwnUrl } from './policy.ts';

export function answerAppRequest(assets: Assets, request: Pick<Request, 'url' | 'method' | 'headers'>): Response {
  const refuse = (status: number) => new Response(null, { status, headers: securityHeaders() });
  if (!isOwnUrl(request.url)) return refuse(404);
  if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(405);
  const answer = answerAsset(assets, new URL(request.url).pathname, request.headers.get('if-none-match'));
  return new Response(request.method === 'HEAD' ? null : answer.body, {
    status: answer.status,
    headers: { ...securityHeaders(), ...answer.headers },
  });
}
