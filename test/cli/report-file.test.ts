import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ReportFile } from '../../src/cli/report-file.ts';
import { CtxsyncError } from '../../src/errors.ts';
import { notBegun } from '../../src/transfer/report.ts';
import { withDirectory } from '../helpers/trees/temporary-directory.ts';

const REPORT = notBegun('receiver', new CtxsyncError('usage', 'not begun'));

test('a report whose file stays in place is written without a complaint', () =>
  withDirectory(async (directory) => {
    const path = join(directory, 'report.json');
    const file = await ReportFile.open(path);
    expect(await file.write(REPORT, 2)).toBeUndefined();
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ exitCode: 2 });
  }));

test('a report whose file is removed during the transfer is reported as lost', () =>
  withDirectory(async (directory) => {
    const path = join(directory, 'report.json');
    const file = await ReportFile.open(path);
    rmSync(path);
    const why = `--report ${path}: it was removed while the transfer ran`;
    expect(await file.write(REPORT, 0)).toBe(why);
  }));

test('a report whose file is replaced during the transfer is reported as lost', () =>
  withDirectory(async (directory) => {
    const path = join(directory, 'report.json');
    const file = await ReportFile.open(path);
    writeFileSync(`${path}.new`, 'of another');
    renameSync(`${path}.new`, path);
    expect(await file.write(REPORT, 0)).toMatch(/it was removed/);
    expect(readFileSync(path, 'utf8')).toBe('of another');
  }));
