import fc from 'fast-check';
import { contentOf } from './hostile-content.ts';
import { FRAME, SessionEncoder, type SessionOptions } from './independent-encoder.ts';
import { putTogether, takeApart, type SessionFrame } from './session-frames.ts';

/**
 * Sessions that nobody should send: complete ones with valid and hostile streams, then with frames
 * lost, duplicated, moved, inserted, and changed in each of their fields.
 */

export const TRANSFER_ID = '00112233445566778899aabbccddeeff';

/** The session before any change. */
export interface SessionPlan {
  options: SessionOptions;
  streams: readonly {
    kind: string;
    name: string;
    all?: boolean;
    unordered?: boolean;
    content: Buffer;
  }[];
  /** Bytes of payload in a DATA frame. */
  pieceBytes: number;
  /** Whether streams take turns. */
  sideBySide: boolean;
  /** The last frame. */
  last: 'fin' | 'receipt' | 'error' | 'nothing';
}

export interface HostileSession {
  /** With the transfer ID TRANSFER_ID. */
  bytes: Buffer;
  /** The same with another transfer ID. */
  under: (transferId: string) => Buffer;
  /** The changes, in readable form. */
  changes: readonly string[];
}

const names = fc.oneof(
  { weight: 30, arbitrary: fc.constantFrom('', 'web', 'api') },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '..',
      '.',
      'a/b',
      '/',
      'a\0b',
      'n'.repeat(255),
      'n'.repeat(256),
      '.ctxsync-lock',
      '__proto__',
      '\ud800',
      '\u001b[2J',
      'WEB',
    ),
  },
);

const ONE_WAY: SessionOptions = { mode: 'oneway' };
const duplexOptions = fc
  .constantFrom(['', 'web', 'api'], ['web'], [])
  .map((contexts): SessionOptions => ({ mode: 'duplex', contexts }));

/** A sender's session, over a pipe or duplex. */
export function sendersSession(mode: 'oneway' | 'duplex'): fc.Arbitrary<HostileSession> {
  const kinds = mode === 'oneway' ? ['tree'] : ['tree', 'tree', 'manifest'];
  return hostileSession(
    fc.record({
      options: mode === 'oneway' ? fc.constant(ONE_WAY) : duplexOptions,
      streams: streams(kinds),
      pieceBytes: fc.constantFrom(1_000, 100, 7, 65_536),
      sideBySide: fc.boolean(),
      last: fc.constantFrom('fin', 'fin', 'fin', 'fin', 'error', 'nothing'),
    }),
  );
}

/** A receiver's session: its answers to a sender. @param digest of FIN, for the receipt */
export function receiversSession(digest: string): fc.Arbitrary<HostileSession> {
  return hostileSession(
    fc.record({
      options: fc.constant<SessionOptions>({ role: 'receiver', mode: 'duplex' }),
      streams: streams(['want']),
      pieceBytes: fc.constantFrom(1_000, 100, 7),
      sideBySide: fc.boolean(),
      last: fc.constantFrom('receipt', 'receipt', 'receipt', 'error', 'fin', 'nothing'),
    }),
    digest,
  );
}

function streams(kinds: readonly string[]): fc.Arbitrary<SessionPlan['streams']> {
  const stream = fc
    .record({ kind: fc.constantFrom(...kinds), name: names })
    .chain(({ kind, name }) => {
      const content = contentOf(kind);
      if (kind === 'manifest') return content.map((bytes) => ({ kind, name, content: bytes }));
      if (kind === 'tree') {
        const order = fc.constantFrom({}, {}, { unordered: true }, { unordered: false });
        return fc
          .tuple(content, order)
          .map(([bytes, says]) => Object.assign({ kind, name, content: bytes }, says));
      }
      const some = content.map((bytes) => ({ kind, name, content: bytes, all: false }));
      const all = fc.constantFrom('', '', '+\0').map((text) => ({
        kind,
        name,
        content: Buffer.from(text),
        all: true,
      }));
      return fc.oneof({ weight: 2, arbitrary: some }, { weight: 1, arbitrary: all });
    });
  // Two contexts with one name happen on purpose, too.
  const each = fc.uniqueArray(stream, {
    maxLength: 4,
    selector: ({ kind, name }) => `${kind} ${name}`,
  });
  const any = fc.array(stream, { maxLength: 12 });
  return fc.oneof({ weight: 12, arbitrary: each }, { weight: 1, arbitrary: any });
}

function hostileSession(
  plan: fc.Arbitrary<SessionPlan>,
  digest = '',
): fc.Arbitrary<HostileSession> {
  const changes = fc.oneof(
    { weight: 2, arbitrary: fc.constant([]) },
    { weight: 4, arbitrary: fc.array(change(digest), { minLength: 1, maxLength: 1 }) },
    { weight: 1, arbitrary: fc.array(change(digest), { minLength: 2, maxLength: 4 }) },
  );
  return fc.tuple(plan, changes, tail).map(([sent, todo, cut]) => {
    const framesUnder = (transferId: string): SessionFrame[] => {
      const whole = takeApart(encodePlan(sent, transferId, digest));
      return todo.reduce((frames, { run }) => run(frames), whole);
    };
    const encode = (transferId: string): Buffer => cut.run(putTogether(framesUnder(transferId)));
    const changed = [...todo.map(({ name }) => name), cut.name].filter((name) => name !== '');
    return {
      bytes: encode(TRANSFER_ID),
      under: encode,
      changes: changed,
      [fc.toStringMethod]: () => describe(changed, framesUnder(TRANSFER_ID)),
    };
  });
}

/** In readable form, because the bytes of a counterexample are not. */
function describe(changes: readonly string[], frames: readonly SessionFrame[]): string {
  const lines = frames.map(({ type, stream, payload }) => {
    const text = payload.toString('latin1').slice(0, 200);
    return `${type} on ${stream}: ${JSON.stringify(text)}`;
  });
  return [`changes: ${changes.join(', ')}`, ...lines].join('\n');
}

function encodePlan(plan: SessionPlan, transferId: string, digest: string): Buffer {
  const encoder = new SessionEncoder({ ...plan.options, transferId });
  const parts = plan.streams.map(({ kind, name, content, ...says }) => {
    const { id, frame } = encoder.open(kind, name, says);
    return [frame, encoder.data(id, content, plan.pieceBytes), encoder.end(id)];
  });
  const inTurn = [0, 1, 2].flatMap((at) => parts.map((part) => part[at]!));
  const frames = [encoder.start(), ...(plan.sideBySide ? inTurn : parts.flat())];
  if (plan.last === 'fin') frames.push(encoder.fin());
  const control = { error: ERROR, receipt: receiptOf(digest) };
  if (plan.last === 'error' || plan.last === 'receipt') {
    frames.push(putTogether([control[plan.last]]).subarray(8));
  }
  return Buffer.concat(frames);
}

// --- changes ----------------------------------------------------------------------------------

interface Change<T> {
  name: string;
  run: (before: T) => T;
}

type FramesChange = Change<SessionFrame[]>;

const share = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
const json = (type: number, stream: number, body: unknown): SessionFrame => ({
  type,
  stream,
  payload: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
});
const BEAT = json(FRAME.BEAT, 0, {
  state: 'reading',
  stateAgeMs: 0,
  path: 'a',
  entries: 0,
  bytes: 0,
  waitedMs: 0,
});
const ERROR = json(FRAME.ERROR, 0, { code: 6, origin: 'sender', message: 'it grew', path: 'a' });
const receiptOf = (digest: string): SessionFrame =>
  json(FRAME.RECEIPT, 0, { transferId: TRANSFER_ID, digest, written: 1, unchanged: 0, removed: 0 });

/** Values that are not numbers, or not what they seem. */
const ODD_VALUES = [
  '"1"',
  '1e308',
  '1e999',
  '-0',
  '0.5',
  '-1',
  '9007199254740992',
  '9007199254740991',
  'NaN',
  'null',
  'true',
  '[]',
  '{}',
  '""',
  '"\\u0000"',
  '["incremental"]',
  `"${'x'.repeat(5_000)}"`,
  `[${'"w",'.repeat(40)}"w"]`,
  '{"__proto__":{"all":true}}',
];

/** Payloads that are not a JSON object, or a strange one. */
const ODD_PAYLOADS = [
  '',
  '{',
  'null',
  '[]',
  '1',
  '"text"',
  '\ufeff{}',
  '{"__proto__":{"minVersion":1}}',
  '{}garbage',
  '['.repeat(8_000),
  '\xff\xfe',
  `{"a":${'['.repeat(4_000)}${']'.repeat(4_000)}}`,
];

function change(digest: string): fc.Arbitrary<FramesChange> {
  return fc.oneof(
    share.map((at) => onOne('lost', at, () => [])),
    share.map((at) => onOne('doubled', at, (frame) => [frame, frame])),
    fc.tuple(share, share).map(([from, to]) => moved(from, to)),
    fc.tuple(share, share).map(([from, to]) => copied(from, to)),
    fc.tuple(share, newFrame(digest)).map(([at, frame]) => putIn(at, [frame])),
    fc.tuple(share, flood).map(([at, frames]) => putIn(at, frames)),
    fc
      .tuple(share, headerChange)
      .map(([at, edit]) =>
        onOne(`header ${JSON.stringify(edit)}`, at, (frame) => [Object.assign({}, frame, edit)]),
      ),
    fc
      .tuple(share, share, fc.constantFrom(...ODD_VALUES))
      .map(([at, key, value]) =>
        onOne(`a field is ${value.slice(0, 40)}`, at, (frame) => [withField(frame, key, value)]),
      ),
    fc
      .tuple(share, share)
      .map(([at, key]) =>
        onOne('a field is missing', at, (frame) => [withField(frame, key, undefined)]),
      ),
    fc
      .tuple(share, fc.constantFrom(...ODD_PAYLOADS))
      .map(([at, text]) =>
        onOne(`payload ${text.slice(0, 40)}`, at, (frame) => [
          { ...frame, payload: Buffer.from(text, 'latin1') },
        ]),
      ),
    fc
      .tuple(share, share)
      .map(([at, where]) => onOne('a byte turned', at, (frame) => [turned(frame, where)])),
    share.map((at) => onOne('unknown key', at, (frame) => [withField(frame, -1, '1')])),
  );
}

const headerChange = fc.oneof(
  fc.record({
    length: fc.constantFrom(0, 1, 16_384, 16_385, 262_144, 262_145, 2 ** 31, 2 ** 32 - 1),
  }),
  fc.record({ flags: fc.constantFrom(1, 0x80, 0xff) }),
  fc.record({ stream: fc.constantFrom(0, 1, 2, 3, 9, 65_535) }),
  fc.record({ offset: fc.constantFrom(0, 1, 7, 2 ** 32 - 1) }),
  fc.record({ crc: fc.constantFrom(0, 0xdead_beef) }),
  fc.record({ type: fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0x7f, 0x80, 0xff) }),
);

function newFrame(digest: string): fc.Arbitrary<SessionFrame> {
  const stream = fc.constantFrom(1, 1, 2, 3, 65_535, 0);
  return fc.oneof(
    fc.constant(BEAT),
    fc.constant(ERROR),
    fc.constantFrom(receiptOf(digest), receiptOf('0'.repeat(64))),
    fc
      .tuple(stream, fc.constantFrom(0, 1, 4_096, 4_194_304, 4_194_305, 2 ** 53 - 1))
      .map(([id, limit]) => json(FRAME.CREDIT, id, { limit })),
    fc
      .tuple(stream, fc.constantFrom('tree', 'manifest', 'want'), names)
      .map(([id, kind, name]) => json(FRAME.OPEN, id, { kind, name })),
    fc
      .tuple(stream, fc.constantFrom(0, 1, 262_144, 262_145))
      .map(([id, bytes]) => ({ type: FRAME.DATA, stream: id, payload: Buffer.alloc(bytes) })),
    stream.map((id) => json(FRAME.END, id, { bytes: 0, gmac: '0'.repeat(32) })),
    fc.constant(json(FRAME.FIN, 0, { streams: 0, bytes: 0, digest: '0'.repeat(64) })),
    fc
      .tuple(fc.constantFrom(0, 10, 0x7f, 0x80, 0xc3, 0xff), fc.constantFrom(0, 1, 16_384, 16_385))
      .map(([type, bytes]) => ({
        type,
        stream: 7,
        flags: 3,
        offset: 9,
        payload: Buffer.alloc(bytes),
      })),
  );
}

/** Many frames that cost the sender little. */
const flood = fc
  .tuple(
    fc.constantFrom<SessionFrame[]>(
      [BEAT],
      [{ type: 0x80, stream: 0, payload: Buffer.alloc(0) }],
      [{ type: 0xff, stream: 0, payload: Buffer.alloc(1_000) }],
      [json(FRAME.CREDIT, 1, { limit: 2 ** 53 - 1 })],
    ),
    fc.constantFrom(20, 200),
  )
  .map(([frames, count]) => Array.from({ length: count }, () => frames).flat());

const tail: fc.Arbitrary<Change<Buffer>> = fc.oneof(
  { weight: 16, arbitrary: fc.constant({ name: '', run: (bytes: Buffer) => bytes }) },
  {
    weight: 1,
    arbitrary: share.map((at) => ({
      name: 'cut',
      run: (bytes: Buffer) => bytes.subarray(0, Math.floor(bytes.length * at)),
    })),
  },
  {
    weight: 1,
    arbitrary: fc.uint8Array({ minLength: 1, maxLength: 40 }).map((more) => ({
      name: 'garbage behind it',
      run: (bytes: Buffer) => Buffer.concat([bytes, more]),
    })),
  },
);

function onOne(
  what: string,
  at: number,
  edit: (frame: SessionFrame) => SessionFrame[],
): FramesChange {
  return {
    name: what,
    run: (frames) => {
      const index = Math.floor(at * frames.length);
      return frames.flatMap((frame, i) => (i === index ? edit(frame) : [frame]));
    },
  };
}

function moved(from: number, to: number): FramesChange {
  return {
    name: 'moved',
    run: (frames) => {
      const rest = [...frames];
      const taken = rest.splice(Math.floor(from * frames.length), 1);
      rest.splice(Math.floor(to * frames.length), 0, ...taken);
      return rest;
    },
  };
}

function copied(from: number, to: number): FramesChange {
  return {
    name: 'copied',
    run: (frames) => {
      const frame = frames[Math.floor(from * frames.length)];
      return frame === undefined ? frames : putIn(to, [frame]).run(frames);
    },
  };
}

/** The last position is after the last frame. */
function putIn(at: number, more: SessionFrame[]): FramesChange {
  return {
    name: `${more.length} of type ${more[0]?.type}`,
    run: (frames) => frames.toSpliced(Math.floor(at * (frames.length + 1)), 0, ...more),
  };
}

/** @param key selects a field, as a fraction; -1 for an unknown field */
function withField(frame: SessionFrame, key: number, value: string | undefined): SessionFrame {
  const fields = fieldsOf(frame.payload);
  if (fields === undefined) return frame;
  const keys = Object.keys(fields);
  const name = key < 0 ? 'of a later version' : keys[Math.floor(key * keys.length)];
  if (name === undefined) return frame;
  const texts = keys
    .filter((each) => each !== name)
    .map((each) => `${JSON.stringify(each)}:${JSON.stringify(fields[each])}`);
  if (value !== undefined) texts.push(`${JSON.stringify(name)}:${value}`);
  return { ...frame, payload: Buffer.from(`{${texts.join(',')}}`) };
}

function fieldsOf(payload: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(payload.toString());
    const isObject = typeof value === 'object' && value !== null;
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function turned(frame: SessionFrame, where: number): SessionFrame {
  const payload = Buffer.from(frame.payload);
  const at = Math.floor(where * payload.length);
  if (payload.length > 0) payload[at]! ^= 1 << (at % 8);
  return { ...frame, payload };
}
