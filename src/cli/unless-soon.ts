/** Calls `late` once if what is awaited has not come by then. */
export async function unlessSoon<T>(
  awaited: Promise<T>,
  afterMs: number,
  late: () => void,
): Promise<T> {
  const timer = setTimeout(late, afterMs);
  try {
    return await awaited;
  } finally {
    clearTimeout(timer);
  }
}
