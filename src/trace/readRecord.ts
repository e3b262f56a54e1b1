/**
 * A line to its record, if it is one: files can be edited by hand, and what is not a record must not become one.
 * Fields that are not known are kept; a known field of another type, or one that is missing, makes it no record.
 *
 * A day has a million lines, so the schema becomes functions once, when this file is loaded.
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

type Fits = (value: unknown) => boolean;

/** By type: is an object such a record? */
const TYPES: ReadonlyMap<string, Fits> = new Map(
  Object.entries(RECORD_TYPES).map(([type, { fields, always }]) => {
    const properties = { ...COMMON_FIELDS, ...fields } as Readonly<Record<string, Schema>>;
    return [type, objectCheck({ properties, required: [...Object.keys(COMMON_FIELDS), ...always] })];
  }),
);

/** The record of a line without its LF, or null. */
export function readRecord(line: Uint8Array): EvidenceRecord | null {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(line.buffer, line.byteOffset, line.length).toString());
  } catch {
    return null;
  }
  if (!isObject(value) || value.v !== RECORD_VERSION || typeof value.type !== 'string') return null;
  const whole =
    TYPES.get(value.type)?.(value) === true &&
    isTime(value.time as string) &&
    (value.type !== 'gap' || (isTime(value.from as string) && isTime(value.to as string)));
  // the schema says that it is one
  return whole ? (value as unknown as EvidenceRecord) : null;
}

/** Of the right form it is by the schema; the 31 November is no day. */
function isTime(text: string): boolean {
  const year = Number(text.slice(0, 4));
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return false;
  return twoDigits(text, 11) < 24 && twoDigits(text, 14) < 60 && twoDigits(text, 17) < 60;
}

function twoDigits(text: string, at: number): number {
  return 10 * (text.charCodeAt(at) - 48) + text.charCodeAt(at + 1) - 48;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `required` must be there, and fields that are known must fit. */
function objectCheck({ properties = {}, required = [] }: Schema): Fits {
  const checks = new Map(Object.entries(properties).map(([name, schema]) => [name, checkOf(schema)]));
  return (value) => {
    if (!isObject(value)) return false;
    for (const name of required) if (!Object.hasOwn(value, name)) return false;
    for (const name in value) {
      const fits = checks.get(name);
      if (fits !== undefined && !fits(value[name])) return false;
    }
    return true;
  };
}

function checkOf(schema: Schema): Fits {
  if (schema.const !== undefined) return (value) => value === schema.const;
  const words = schema.enum;
  if (words !== undefined) return (value) => words.includes(value);
  const types = typeof schema.type === 'string' ? [schema.type] : (schema.type ?? []);
  const checks = types.map((type) => typeCheck(type, schema));
  const [first = () => false] = checks;
  return checks.length === 1 ? first : (value) => checks.some((fits) => fits(value));
}

function typeCheck(type: string, schema: Schema): Fits {
  switch (type) {
    case 'integer':
      return Number.isSafeInteger;
    case 'null':
      return (value) => value === null;
    case 'array': {
      const fits = schema.items === undefined ? () => true : checkOf(schema.items);
      return (value) => Array.isArray(value) && value.every(fits);
    }
    case 'object':
      return objectCheck(schema);
    case 'string': {
      const pattern = schema.pattern === undefined ? null : new RegExp(schema.pattern);
      if (pattern === null) return (value) => typeof value === 'string';
      return (value) => typeof value === 'string' && pattern.test(value);
    }
    default:
      return (value) => typeof value === type;
  }
}
