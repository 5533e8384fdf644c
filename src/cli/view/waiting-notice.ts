/**
 * Reports once what is being waited for, if that takes long.
 * @param afterMs 0: never
 */
export async function sayWaiting<T>(
  awaited: Promise<T>,
  afterMs: number,
  say: () => void,
): Promise<T> {
  const timer = afterMs === 0 ? undefined : setTimeout(say, afterMs);
  try {
    return await awaited;
  } finally {
    clearTimeout(timer);
  }
}
