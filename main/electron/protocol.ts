/** The `app://` protocol: the built renderer, and nothing else that is on this machine. */
import { protocol } from 'electron';
import type { Assets } from '../web/assets.ts';
import { answerAppRequest } from './app-request.ts';
import { APP_SCHEME } from './policy.ts';

/** Must run before Electron is ready. A standard, secure scheme has an origin, which `file://` has not. */
export function registerAppScheme(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: APP_SCHEME, privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true } },
  ]);
}

export function serveApp(assets: Assets): void {
  protocol.handle(APP_SCHEME, (request) => answerAppRequest(assets, request));
}
