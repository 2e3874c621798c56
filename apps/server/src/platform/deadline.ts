/**
 * Work that is given up after a time, with its signal aborted; throws a `TimeoutError` then. A signal alone is not enough:
 * in Node 20 `fetch` holds it weakly, so that once its request was collected nothing ends the reading of a body that
 * stands still (seen: 180 s where 50 ms were allowed).
 */
export async function withDeadline<T>(timeoutMs: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const reason = new DOMException(`It took longer than ${timeoutMs} ms.`, "TimeoutError");
      reject(reason);
      controller.abort(reason);
    }, timeoutMs);
  });
  const done = work(controller.signal);
  // Once it was given up, nobody listens to how it ended.
  done.catch(() => {});
  try {
    return await Promise.race([done, late]);
  } finally {
    clearTimeout(timer);
  }
}
