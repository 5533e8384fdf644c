import { spawn } from 'node:child_process';
import { readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { attempt, WAYS } from '../helpers/wire/both-ways.ts';
import { BIN, pipeline, run } from '../helpers/cli/cli.ts';
import { receiveCommand } from '../helpers/cli/duplex.ts';
import { expectExit, expectFailure, expectUntouched, withScene } from '../helpers/trees/sandbox.ts';

// Rules from pipes and devices, and what is sent to the peer when rules cannot be used.

const RULES = Buffer.from('a.txt\n');

describe('--ignore-file', () => {
  test.each(['-', '/dev/stdin', '/dev/fd/0'])('reads %s', (path) =>
    withScene(async ({ context, out }) => {
      const args = ['send', context, '--ignore-file', path, ...receiveCommand(out, '--delete')];
      expectExit(await run(args, { input: RULES }), 0);
      expect(readdirSync(out)).toEqual(['web']);
    }),
  );

  test('reads a process substitution for two contexts, which are compared and then packed', () =>
    withScene(async ({ context, out }) => {
      const words = ['send', `a=${context}`, `b=${context}`, ...receiveCommand(out)];
      const quoted = [process.execPath, BIN, ...words].map((word) => `'${word}'`);
      quoted.splice(3, 0, '--ignore-file', '<(sleep 0.2; echo a.txt)');
      for (const _ of ['first', 'again']) {
        expectExit(await bash(quoted.join(' ')), 0);
        expect(readdirSync(join(out, 'a'))).toEqual(['web']);
        expect(readdirSync(join(out, 'b'))).toEqual(['web']);
      }
    }));

  test('reads no rules from /dev/null', () =>
    withScene(async ({ context, out }) => {
      writeFileSync(join(context, '.dockerignore'), '*\n');
      const { send } = await pipeline([context, '--ignore-file', '/dev/null'], [out]);
      expectExit(send, 0);
      expect(readdirSync(out)).toContain('.dockerignore');
    }));

  test('refuses stdin when the tar comes from there', async () => {
    for (const path of ['-', '/dev/stdin', '/dev/fd/0', '/proc/self/fd/0']) {
      const sent = await run(['send', '-', '--ignore-file', path], { input: RULES });
      expectFailure(sent, 2, 'stdin cannot be both the tar ("-") and the ignore file');
    }
  });

  test('refuses a closed stdin, which would mean no rules', () =>
    withScene(async ({ context }) => {
      const words = [process.execPath, BIN, 'send', context, '--ignore-file', '-'];
      const ended = await bash(`${words.map((word) => `'${word}'`).join(' ')} <&-`);
      expectFailure(ended, 2, 'stdin is closed; pipe the ignore rules into it');
    }));

  test('refuses a file that never ends', () =>
    withScene(async ({ context }) => {
      const sent = await run(['send', context, '--ignore-file', '/dev/zero']);
      expectFailure(sent, 2, '/dev/zero has ', 'is it an ignore file?');
    }));
});

describe('an ignore file that cannot be used fails both sides, and no line of it is sent', () => {
  const BAD: [what: string, make: (context: string) => void, words: RegExp, told: RegExp][] = [
    [
      'a bad pattern',
      (context) => writeFileSync(join(context, '.dockerignore'), '# x\nhunter2[\n'),
      /\.dockerignore:2: syntax error in pattern "hunter2\["/,
      /\.dockerignore:2: syntax error in pattern$/m,
    ],
    [
      'UTF-16, as PowerShell writes it',
      (context) => writeFileSync(join(context, '.dockerignore'), '\uFEFFhunter2\n', 'utf16le'),
      /\.dockerignore:1: the file is UTF-16 or UTF-32; save the file as UTF-8/,
      /\.dockerignore:1: the file is UTF-16 or UTF-32$/m,
    ],
    [
      'a symlink that leads out of the context',
      (context) => {
        writeFileSync(join(context, '../private'), 'hunter2[\n');
        symlinkSync('../private', join(context, '.dockerignore'));
      },
      /\.dockerignore is a symlink that leads out of the context/,
      /the ignore file \.dockerignore cannot be used$/m,
    ],
  ];

  test.each(BAD)('%s, one way', (_, make, words, told) =>
    withScene(async (sandbox) => {
      make(sandbox.context);
      const { send, receive } = await pipeline([sandbox.context], [sandbox.out]);
      expectFailure(send, 2, words);
      expectFailure(receive, 9, told);
      expect(receive.stderr).not.toMatch(/hunter2|private/);
      expectUntouched(sandbox);
    }),
  );

  describe.each(WAYS)('over %s', (way) => {
    test.each(BAD)('%s', (_, make, words, told) =>
      withScene(async (sandbox) => {
        make(sandbox.context);
        const { directory, context, out } = sandbox;
        const { send, receive } = await attempt({
          directory,
          way,
          send: [context],
          receive: [out],
        });
        expectFailure(send, 2, words);
        if (way === 'a socket') {
          expectFailure(receive, 9, told);
          expect(receive.stderr).not.toMatch(/hunter2|private/);
        }
        expectUntouched(sandbox);
      }),
    );
  });
});

function bash(script: string): Promise<{ code: number | null; stderr: string }> {
  const child = spawn('bash', ['-c', script], { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk) => (stderr += String(chunk)));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stderr })));
}
