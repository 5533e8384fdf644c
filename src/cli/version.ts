/** The build sets it from package.json, which is not there beside a copied single file. */
declare const CTXSYNC_VERSION: string;

export function version(): string {
  return CTXSYNC_VERSION;
}
