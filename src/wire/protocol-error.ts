import { CtxsyncError } from '../errors.ts';

/**
 * The error for anything that a ctxsync peer would not send.
 *
 * @param what names the frame or field, and what is wrong with it
 * @param at bytes of the connection before the frame
 */
export function protocolError(what: string, at: number): CtxsyncError {
  return new CtxsyncError('corrupt', `the connection is damaged: ${what}, at byte ${at}`);
}
