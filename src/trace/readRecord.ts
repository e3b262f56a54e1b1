/**
 * A line to its record, if it is one: files can be edited by hand, and what is not a record must not become one.
 * Fields that are not known are kept; a known field of another type, or one that is missing, makes it no record.
 */
import { type EvidenceRecord, RECORD_VERSION } from '../evidence/record.ts';
import { COMMON_FIELDS, RECORD_TYPES } from '../evidence/recordSchema.ts';

/** The part of JSON schema that recordSchema.ts uses. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly pattern?: string;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

/** The record of a line without its LF, or null. */
export function readRecord(line: Uint8Array): EvidenceRecord | null {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(line.buffer, line.byteOffset, line.length).toString());
  } catch {
    return null;
  }
  if (!isObject(value) || value.v !== RECORD_VERSION || typeof value.type !== 'string') return null;
  if (!Object.hasOwn(RECORD_TYPES, value.type)) return null;
  const { fields, always } = RECORD_TYPES[value.type as keyof typeof RECORD_TYPES];
  const whole =
    always.every((name) => Object.hasOwn(value, name)) &&
    Object.keys(COMMON_FIELDS).every((name) => Object.hasOwn(value, name)) &&
    hasFields(value, COMMON_FIELDS) &&
    hasFields(value, fields) &&
    isTime(value.time as string) &&
    (value.type !== 'gap' || (isTime(value.from as string) && isTime(value.to as string)));
  // the schema says that it is one
  return whole ? (value as unknown as EvidenceRecord) : null;
}

/** Of the right form it is by the schema; the 31 November is no day. */
function isTime(text: string): boolean {
  const time = Date.parse(text);
  return !Number.isNaN(time) && new Date(time).toISOString() === text;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function hasFields(value: Record<string, unknown>, schemas: Readonly<Record<string, object>>): boolean {
  for (const name in value) {
    const schema = Object.hasOwn(schemas, name) ? schemas[name] : undefined;
    if (schema !== undefined && !fits(value[name], schema)) return false;
  }
  return true;
}

const PATTERNS = new Map<string, RegExp>();

function fits(value: unknown, schema: Schema): boolean {
  if (schema.const !== undefined) return value === schema.const;
  if (schema.enum !== undefined) return schema.enum.includes(value);
  const types = typeof schema.type === 'string' ? [schema.type] : (schema.type ?? []);
  if (!types.some((type) => isOf(value, type))) return false;
  if (typeof value === 'string' && schema.pattern !== undefined) {
    const pattern = PATTERNS.get(schema.pattern) ?? new RegExp(schema.pattern);
    PATTERNS.set(schema.pattern, pattern);
    return pattern.test(value);
  }
  if (Array.isArray(value))
    return value.every((one) => schema.items === undefined || fits(one, schema.items));
  if (!isObject(value)) return true;
  return (
    (schema.required ?? []).every((name) => Object.hasOwn(value, name)) &&
    hasFields(value, schema.properties ?? {})
  );
}

function isOf(value: unknown, type: string): boolean {
  switch (type) {
    case 'integer':
      return Number.isSafeInteger(value);
    case 'number':
      return typeof value === 'number';
    case 'null':
      return value === null;
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isObject(value);
    default:
      return typeof value === type;
  }
}
