/** What passes between the preload, Electron's main process and the core's process. */

/**
 * The one channel between the preload and Electron's main process: the page asks on it for a link, and is sent the port of one
 * on it, at once and again whenever the core was restarted.
 */
export const LINK_CHANNEL = 'nextdeploy:link';

/**
 * What comes over a port from the page: a frame as JSON text, or how many characters of the core's frames it has taken in since
 * it last said so. A port tells nobody what waits in it, so the core counts. From the core comes JSON text alone.
 */
export type UpMessage = string | number;
