import './zod-setup.ts';
import '@mantine/core/styles.css';
import '@mantine/notifications/styles.css';
import '@mantine/spotlight/styles.css';
import './styles/base.css';
import './styles/shell.css';
import './styles/views.css';
import './styles/operation.css';
import './styles/app.css';
import './styles/deploy.css';
import './styles/secrets.css';
import './styles/access.css';
import './styles/certificates.css';
import './styles/routes.css';
import './styles/backup.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import type { Bridge } from '../preload/contract.ts';
import { createWebBridge, linkUrl, type Socket } from './bridge/web-bridge.ts';
import { Root } from './root.tsx';
import { createConsole } from './state/console.ts';

/** Put there by the Electron preload script; absent in the web shell. */
const preloaded = (window as { nextdeploy?: Bridge }).nextdeploy;
const bridge =
  preloaded ??
  createWebBridge({
    // The bridge sets its handlers before the first event; a WebSocket's are typed with richer events.
    openSocket: () => new WebSocket(linkUrl(window.location)) as unknown as Socket,
    later: (act, delay_ms) => setTimeout(act, delay_ms),
  });

const element = document.getElementById('root');
if (element === null) throw new Error('index.html has no #root');
createRoot(element).render(
  <StrictMode>
    <Root model={createConsole(bridge)} />
  </StrictMode>,
);
