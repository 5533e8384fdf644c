/** Less than a test may take, so that it says what it waited for. */
const GIVE_UP_MS = 45_000;
const LOOK_EVERY_MS = 5;

/** Waits for what a process of ours, or the disk, brings about. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + GIVE_UP_MS;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
