/** So many files run at a time, each on a server of its own: what they wait for is mostly not this machine's processors. */
export const BED_WORKERS = 2;
