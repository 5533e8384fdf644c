import { Option } from 'commander';
import { DEFAULT_LARGE_CONTEXT_BYTES } from '../limits.ts';
import { parseSize } from './units.ts';

export function warnAboveOption(): Option {
  return new Option('--warn-above <size>', 'warn of a context with more bytes than this (0: never)')
    .argParser(parseSize)
    .default(DEFAULT_LARGE_CONTEXT_BYTES, `${DEFAULT_LARGE_CONTEXT_BYTES / 1e6}MB`);
}
