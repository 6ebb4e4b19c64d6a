/**
 * Runs `work` when asked, never twice at once: requests made meanwhile are answered by one further run. So a burst of
 * events costs two fetches, and the last one is later than the last event. `work` must not reject.
 */
export function coalesce(work: () => Promise<void>): () => void {
  let isRunning = false;
  let isAskedAgain = false;
  const run = () => {
    isRunning = true;
    isAskedAgain = false;
    void work().then(() => {
      isRunning = false;
      if (isAskedAgain) run();
    });
  };
  return () => {
    if (isRunning) isAskedAgain = true;
    else run();
  };
}
