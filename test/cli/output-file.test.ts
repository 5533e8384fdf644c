import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { OutputFile } from '../../src/cli/output-file.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';

test('an output file that stays in place is written without a complaint', () =>
  withDirectory(async (directory) => {
    const path = join(directory, 'report.json');
    const file = await OutputFile.open('--report', path);
    expect(await file.write('{}')).toBeUndefined();
    expect(readFileSync(path, 'utf8')).toBe('{}');
  }));

test('an output file that is removed during the transfer is reported as lost', () =>
  withDirectory(async (directory) => {
    const path = join(directory, 'report.json');
    const file = await OutputFile.open('--report', path);
    rmSync(path);
    const why = `--report ${path}: it was removed while the transfer ran`;
    expect(await file.write('{}')).toBe(why);
  }));

test('an output file that is replaced during the transfer is reported as lost', () =>
  withDirectory(async (directory) => {
    const path = join(directory, 'report.json');
    const file = await OutputFile.open('--report', path);
    writeFileSync(`${path}.new`, 'of another');
    renameSync(`${path}.new`, path);
    expect(await file.write('{}')).toMatch(/it was removed/);
    expect(readFileSync(path, 'utf8')).toBe('of another');
  }));
