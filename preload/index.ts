/** The preload: gives the sandboxed page its bridge to the core, `window.nextdeploy`, and nothing else. */
import { contextBridge, ipcRenderer } from 'electron';
import { createPortBridge } from './bridge.ts';
import { LINK_CHANNEL } from './wire.ts';

const { bridge, adopt } = createPortBridge();

ipcRenderer.on(LINK_CHANNEL, (event) => {
  const port = event.ports[0];
  if (port !== undefined) adopt(port);
});
contextBridge.exposeInMainWorld('nextdeploy', bridge);
ipcRenderer.send(LINK_CHANNEL);
