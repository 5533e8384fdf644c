/**
 * A listener whose errors cannot become the transfer's: as an EventTarget does with those of its listeners,
 * they are thrown where nothing waits, as uncaught exceptions.
 */
export function apart<Event>(
  listener: ((event: Event) => void) | undefined,
): ((event: Event) => void) | undefined {
  if (listener === undefined) return undefined;
  return (event) => {
    try {
      listener(event);
    } catch (error) {
      process.nextTick(() => {
        throw error;
      });
    }
  };
}
