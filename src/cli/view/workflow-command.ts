import type { Annotation } from './event-lines.ts';
import { printable } from './format.ts';

/** @param prefix of the line: `ctxsync send: ` */
export function annotationCommand(annotation: Annotation, prefix: string): string {
  const { level, title, message, file, line } = annotation;
  const properties = { title: prefix.replace(': ', ` ${title}`), file, line };
  return workflowCommand(level, properties, message);
}

/**
 * A line that the runner of GitHub Actions obeys, wherever it reads it, as by the toolkit
 * (actions/toolkit, packages/core/src/command.ts).
 */
export function workflowCommand(
  name: string,
  properties: Record<string, string | number | undefined>,
  message: string,
): string {
  const given = Object.entries(properties).filter(([, value]) => value !== undefined);
  const list = given.map(([key, value]) => `${key}=${escapeProperty(String(value))}`).join(',');
  return `::${name}${list === '' ? '' : ` ${list}`}::${escapeData(message)}`;
}

/** escapeData of the toolkit; a line break is the only control character that is meant. */
function escapeData(text: string): string {
  const lines = text.split('\n').map(printable).join('\n');
  return lines.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

/** escapeProperty of the toolkit. */
function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
