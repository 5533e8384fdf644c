import { DANGEROUS } from './format.ts';

/**
 * JSON of a value that may contain untrusted text. It parses to the same value, but no terminal or CI
 * log interprets any of it: JSON itself escapes only the control characters below U+0020. Numbers are whole:
 * all are counts, bytes, milliseconds or seconds.
 */
export function jsonText(value: unknown, indent?: number): string {
  return inertJson(JSON.stringify(value, rounded, indent));
}

function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value) : value;
}

/** The same for what is JSON already. */
export function inertJson(text: string): string {
  // JSON has line breaks only between its values.
  return text.replace(DANGEROUS, (char) => (char === '\n' ? char : escapeUnit(char)));
}

/** RFC 8259, section 7. */
function escapeUnit(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
