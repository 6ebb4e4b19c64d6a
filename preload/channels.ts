/**
 * The one channel between the preload and Electron's main process: the page asks on it for a link, and is sent the port of one
 * on it, at once and again whenever the core was restarted.
 */
export const LINK_CHANNEL = 'nextdeploy:link';
