/** The same load in every measurement: enough connections that the proxy never waits for requests. */
export const CONNECTIONS = 32;
