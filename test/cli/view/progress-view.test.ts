import { describe, expect, test } from 'vitest';
import {
  createProgressView,
  type ProgressViewOptions,
} from '../../../src/cli/view/progress-view.ts';
import type { TransferEvent } from '../../../src/observe/events.ts';
import { end, FAILED, FakeStream, phase, progress, STALL, WARNING } from './view-fixtures.ts';

const ESC = '\x1b';

function create(change: Partial<ProgressViewOptions> & { stream: FakeStream }) {
  return createProgressView({
    mode: 'auto',
    quiet: false,
    side: 'sender',
    env: {},
    now: () => 0,
    ...change,
  });
}

describe('--progress auto', () => {
  test.each([
    ['a terminal', { isTTY: true }, {}, true],
    ['a terminal with CI set', { isTTY: true }, { CI: 'true' }, false],
    ['a terminal with CI=false', { isTTY: true }, { CI: 'false' }, true],
    ['a dumb terminal', { isTTY: true }, { TERM: 'dumb' }, false],
    ['a log', { isTTY: false }, {}, false],
  ])('picks the right view on %s', async (_, options, env, isTty) => {
    const stream = new FakeStream(options);
    const view = create({ stream, env, side: 'receiver' });
    view.handle(phase('receiving'));
    view.handle(end());
    await view.close();
    expect(stream.text.includes(ESC)).toBe(isTty);
    expect(stream.text.includes('ctxsync receive: receiving')).toBe(!isTty);
  });

  test('leaves progress to the receiver when a sender merely has no terminal', () => {
    const stream = new FakeStream();
    const view = create({ stream, env: {}, side: 'sender' });
    view.handle(phase('sending'));
    view.handle(WARNING);
    expect(stream.lines).toEqual(['ctxsync send: warning: no files']);
    expect(view.speaks).toBe(false);
  });
});

describe('a view', () => {
  test.each([
    ['tty', true],
    ['plain', true],
    ['json', false],
    ['none', false],
  ] as const)('in mode %s shows progress: %s', (mode, speaks) => {
    expect(create({ stream: new FakeStream(), mode }).speaks).toBe(speaks);
    expect(create({ stream: new FakeStream(), mode, quiet: true }).speaks).toBe(false);
  });

  test('without a terminal shows progress only for a sender in CI', () => {
    expect(create({ stream: new FakeStream() }).speaks).toBe(false);
    expect(create({ stream: new FakeStream(), env: { CI: '1' } }).speaks).toBe(true);
  });
});

describe('--progress none', () => {
  test('shows warnings, stalls and errors, but no progress and no closing line', async () => {
    const stream = new FakeStream();
    const view = create({ stream, mode: 'none' });
    for (const event of [phase('sending'), progress(), WARNING, STALL, end()]) view.handle(event);
    view.handle(end(FAILED));
    await view.close();
    expect(stream.lines).toEqual([
      'ctxsync send: warning: no files',
      'ctxsync send: stalled 12s: receiver is writing web/app.js (disk not answering)',
      'ctxsync send: error: no space left for web/app.js',
    ]);
  });

  test("writes over the other side's spinner on a terminal", async () => {
    const stream = new FakeStream({ isTTY: true });
    const view = create({ stream, mode: 'none', env: { NO_COLOR: '1' } });
    view.handle(WARNING);
    await view.close();
    expect(stream.text).toBe('\r\x1b[Kctxsync send: warning: no files\n');
  });
});

describe('--quiet', () => {
  test.each(['auto', 'tty', 'plain', 'none'] as const)(
    'with --progress %s shows only errors',
    async (mode) => {
      const stream = new FakeStream();
      const view = create({ stream, mode, quiet: true, env: { NO_COLOR: '1' } });
      for (const event of [phase('sending'), progress(), WARNING, STALL, end()]) view.handle(event);
      view.handle(end(FAILED));
      await view.close();
      expect(stream.text.replace('\r\x1b[K', '')).toBe(
        'ctxsync send: error: no space left for web/app.js\n',
      );
    },
  );
});

describe('the closing line', () => {
  const started = { type: 'peer-shows-progress', duplex: true } as const;
  const piped = { type: 'peer-shows-progress', duplex: false } as const;
  test.each([
    ['of a run of its own', 'always', started, true],
    ['of a sender on a plain pipe, whose receiver prints one', 'never', undefined, false],
    ['of a receiver that its sender has started', 'unless-started', started, false],
    ['of a receiver on a plain pipe', 'unless-started', piped, true],
  ] as const)('%s is printed or not: %s', (_, closing, event, isPrinted) => {
    const stream = new FakeStream();
    const view = create({ stream, mode: 'plain', closing });
    if (event !== undefined) view.handle(event);
    view.handle(WARNING);
    view.handle(end());
    expect(stream.lines).toHaveLength(isPrinted ? 2 : 1);
  });

  test('and the queue are left to a sender that has started the receiver, and learns of both', () => {
    const stream = new FakeStream();
    const view = create({ stream, mode: 'plain', side: 'receiver', closing: 'unless-started' });
    view.handle(started);
    view.handle({ ...phase('queued'), queue: 'out is locked' } as TransferEvent);
    expect(stream.lines).toEqual([]);
    view.handle(piped);
    view.handle({ ...phase('queued'), queue: 'out is locked' } as TransferEvent);
    expect(stream.lines).toEqual(['ctxsync receive: waiting: out is locked']);
  });

  test('is left out, but a failure is not', () => {
    const stream = new FakeStream();
    create({ stream, mode: 'plain', closing: 'never' }).handle(end(FAILED));
    expect(stream.lines).toEqual(['ctxsync send: error: no space left for web/app.js']);
  });
});

describe('colour', () => {
  test.each([
    [{}, { mode: 'tty' }, true],
    [{ NO_COLOR: '1' }, { mode: 'tty' }, false],
    [{ NO_COLOR: '' }, { mode: 'tty' }, true],
    [{ NO_COLOR: '1', FORCE_COLOR: '1' }, { mode: 'tty' }, true],
    [{ FORCE_COLOR: '0' }, { mode: 'tty' }, false],
    [{ TERM: 'dumb' }, { mode: 'tty' }, false],
    [{}, { mode: 'plain' }, false],
    [{ FORCE_COLOR: '1' }, { mode: 'plain' }, true],
    [{}, { mode: 'none' }, false],
  ] as const)('is used or not with %j in %j: %s', async (env, { mode }, coloured) => {
    const stream = new FakeStream();
    const view = create({ stream, mode, env });
    view.handle(WARNING);
    await view.close();
    expect(stream.text.includes(`${ESC}[33mwarning`)).toBe(coloured);
  });

  test('does not reorder lines while it is being loaded', async () => {
    const stream = new FakeStream();
    const view = create({ stream, mode: 'plain', env: { FORCE_COLOR: '1' } });
    for (const message of ['one', 'two', 'three']) {
      view.handle({ type: 'warning', side: 'sender', message });
    }
    await view.close();
    expect(stream.lines.map((line) => /one|two|three/.exec(line)?.[0])).toEqual([
      'one',
      'two',
      'three',
    ]);
  });
});

describe('under GitHub Actions', () => {
  const env = { GITHUB_ACTIONS: 'true', CI: 'true' };

  test('an error and a stall are also printed as workflow commands, escaped', async () => {
    const stream = new FakeStream();
    const view = create({ stream, env });
    view.handle(WARNING);
    view.handle(STALL);
    const error = { code: 'no-space', message: 'disk is 100% full' } as const;
    view.handle(end({ result: 'failed', error }));
    await view.close();
    expect(stream.lines.slice(1)).toEqual([
      'ctxsync send: stalled 12s: receiver is writing web/app.js (disk not answering)',
      '::warning title=ctxsync send stalled::stalled 12s: receiver is writing web/app.js (disk not answering)',
      'ctxsync send: error: disk is 100% full',
      '::error title=ctxsync send failed::disk is 100%25 full',
    ]);
  });

  test('only progress is folded in a group, which is closed before anything else, and at the end', async () => {
    const stream = new FakeStream();
    const view = create({ stream, env });
    const command = { type: 'command-output', side: 'sender', line: 'hi' } as const;
    for (const event of [command, phase('comparing'), command, phase('sending'), WARNING]) {
      view.handle(event);
    }
    view.handle(phase('sending'));
    await view.close();
    expect(stream.lines).toEqual([
      'ctxsync send: | hi',
      '::group::ctxsync send: progress',
      'ctxsync send: comparing',
      'ctxsync send: | hi',
      'ctxsync send: sending',
      '::endgroup::',
      'ctxsync send: warning: no files',
      '::group::ctxsync send: progress',
      'ctxsync send: sending',
      '::endgroup::',
    ]);
  });

  test('a bad ignore rule is an annotation of its line', () => {
    const stream = new FakeStream();
    const path = 'a,b:c/.dockerignore';
    const error = {
      code: 'bad-ignore-rule',
      message: `${path}:3: bad "%"`,
      path,
      line: 3,
    } as const;
    create({ stream, env }).handle(end({ result: 'failed', error }));
    expect(stream.lines.at(-1)).toBe(
      '::error title=ctxsync send failed,file=a%2Cb%3Ac/.dockerignore,line=3' +
        '::a,b:c/.dockerignore:3: bad "%25"',
    );
  });

  test('a failure of several lines is one annotation', () => {
    const stream = new FakeStream();
    const error = { code: 'peer-gone', message: 'the receiver is gone' } as const;
    const peerError = { code: 'no-space', message: 'the disk is full' };
    create({ stream, env }).handle(end({ result: 'failed', side: 'sender', error, peerError }));
    expect(stream.lines).toEqual([
      'ctxsync send: error: the receiver is gone',
      '::error title=ctxsync send failed::the receiver is gone%0Athe receiver said: the disk is full (no-space)',
      'ctxsync send: the receiver said: the disk is full (no-space)',
    ]);
  });

  test('JSON output is unchanged', async () => {
    const stream = new FakeStream();
    const view = create({ stream, mode: 'json', env });
    view.handle(STALL);
    await view.close();
    expect(stream.lines.slice(1).map((line) => JSON.parse(line) as unknown)).toEqual([STALL]);
  });
});

test('the log of another CI has neither control sequences nor workflow commands', async () => {
  const stream = new FakeStream({ isTTY: true });
  const view = create({ stream, env: { CI: 'true', GITLAB_CI: 'true' } });
  for (const event of [phase('sending'), progress(), WARNING, STALL, end(FAILED)]) {
    view.handle(event);
  }
  await view.close();
  expect(stream.lines.every((line) => /^ctxsync send: [ -~]+$/.test(line))).toBe(true);
  expect(stream.lines).toHaveLength(4);
});

describe('a stream that goes away', () => {
  test.each(['tty', 'plain', 'json', 'none'] as const)(
    'does not break the view %s',
    async (mode) => {
      for (const failure of ['throws', 'emits'] as const) {
        const stream = new FakeStream({ isTTY: true });
        stream.failure = failure;
        const view = create({ stream, mode });
        for (const event of [phase('sending'), progress(), WARNING, STALL, end(FAILED)]) {
          view.handle(event);
        }
        await view.close();
        expect(stream.text).toBe('');
      }
    },
  );

  test('does not keep close waiting', async () => {
    const stream = new FakeStream();
    const view = create({ stream, mode: 'json' });
    stream.write = () => true;
    const closed = view.close();
    stream.emit('error', new Error('EPIPE'));
    await closed;
  });
});
