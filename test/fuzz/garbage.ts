/** Has a Node process throw its garbage away, so that what it still holds can be measured: by its inspector (Chrome DevTools Protocol, HeapProfiler). */

/** `url`: of the inspector's WebSocket. */
export async function collectGarbage(url: string): Promise<void> {
  const inspector = new WebSocket(url);
  try {
    await new Promise<void>((resolve, reject) => {
      inspector.addEventListener('error', () => reject(new Error(`the inspector at ${url} cannot be reached`)));
      inspector.addEventListener('open', () => inspector.send(JSON.stringify({ id: 1, method: 'HeapProfiler.collectGarbage' })));
      // It answers when it is done.
      inspector.addEventListener('message', () => resolve());
    });
  } finally {
    inspector.close();
  }
}
