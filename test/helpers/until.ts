/** Less than the time limit of a test, so that the error names what it waited for. */
const GIVE_UP_MS = 45_000;
const LOOK_EVERY_MS = 5;

/** Waits for an effect of another process, or of the disk. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + GIVE_UP_MS;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
