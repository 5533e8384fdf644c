import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Ajv2020 } from 'ajv/dist/2020.js';

type Schema = { [key: string]: unknown };

/** The schemas as the package exports them. */
const require = createRequire(import.meta.url);

export function readSchema(name: 'report' | 'events'): Schema {
  const path = require.resolve(`ctxsync/schema/${name}.schema.json`);
  return JSON.parse(readFileSync(path, 'utf8')) as Schema;
}

/** Also refuses what a schema does not describe, which readers may ignore. */
const ajv = new Ajv2020({ formats: { 'date-time': isDateTime }, discriminator: true });
ajv.addSchema(closed(readSchema('report')));
ajv.addSchema(closed(readSchema('events')));

/** What is wrong with a value; empty when nothing is. */
export function faultsOf(name: 'report' | 'events', value: unknown): string {
  const validate = ajv.getSchema(`urn:ctxsync:${name}:1`)!;
  return validate(value) === true ? '' : ajv.errorsText(validate.errors);
}

function isDateTime(text: string): boolean {
  return new Date(text).toISOString() === text;
}

function closed(value: Schema): Schema {
  const inner = Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, closedWithin(each)]),
  );
  return 'properties' in inner ? { ...inner, additionalProperties: false } : inner;
}

function closedWithin(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closedWithin);
  return typeof value === 'object' && value !== null ? closed(value as Schema) : value;
}
