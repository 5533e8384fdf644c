import { expect, test } from 'vitest';
import { CtxsyncError } from '../../src/errors.ts';
import { peerFailed, toPeerError } from '../../src/transfer/peer-error.ts';

test('our failure is sent as ours, and becomes a peer failure on the other side', () => {
  const told = toPeerError(new CtxsyncError('no-space', 'full', { path: 'a' }), 'receiver');
  expect(told).toEqual({ code: 'no-space', origin: 'receiver', message: 'full', path: 'a' });
  expect(peerFailed('receiver', told)).toMatchObject({
    code: 'peer-failed',
    message: 'the receiver failed: full',
    path: 'a',
    peer: { code: 'no-space', message: 'full' },
  });
});

test('a failure of the peer is sent back as one in which the peer failed first', () => {
  const theirs = peerFailed(
    'receiver',
    toPeerError(new CtxsyncError('locked', 'held'), 'receiver'),
  );
  expect(toPeerError(theirs, 'sender')).toMatchObject({ code: 'peer-failed', origin: 'receiver' });
});
