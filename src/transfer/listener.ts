/**
 * A listener whose errors cannot become the transfer's: as an EventTarget does with those of its listeners,
 * they are thrown where nothing waits, as uncaught exceptions. So are those of an async listener, which are
 * rejections.
 */
export function apart<Event>(
  listener: ((event: Event) => unknown) | undefined,
): ((event: Event) => void) | undefined {
  if (listener === undefined) return undefined;
  return (event) => {
    try {
      const result = listener(event);
      if (isPromise(result)) result.then(undefined, throwApart);
    } catch (error) {
      throwApart(error);
    }
  };
}

function isPromise(result: unknown): result is PromiseLike<unknown> {
  return typeof result === 'object' && result !== null && 'then' in result;
}

/** Throws where nothing waits. Not by nextTick: thrown there between two immediates, an error makes Node 20 spin for ever (timers.js). */
export function throwApart(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
