/** Waits until `work` resolves or rejects, but not longer than `ms` milliseconds. */
export async function withTimeout(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work.catch(() => {}), tooLong]);
  clearTimeout(timer);
}
