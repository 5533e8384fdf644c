import { DANGEROUS } from './format.ts';

/**
 * JSON of what may hold other people's text. It parses to the same value, and shows as text that no
 * terminal and no CI log obeys: JSON itself escapes only the control characters below U+0020.
 */
export function jsonText(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, null, indent);
  // JSON has a line break nowhere but between its values.
  return text.replace(DANGEROUS, (char) => (char === '\n' ? char : escapeUnit(char)));
}

/** RFC 8259, section 7. */
function escapeUnit(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
