/**
 * The validator of each kind of section. Ajv compiles it from the schema when the first section of that kind is
 * checked; the bundle (test/bundle.ts) has another file in place of this one, with the validators that Ajv
 * made of the same schemas at build, because loading and running Ajv would take a tenth of a start.
 */
import { Ajv, type ValidateFunction } from 'ajv';
import type { Section } from '../ini/section.ts';

/** A test validates our schemas: to compile the meta-schema would take half of the start-up time. */
export const OPTIONS = {
  strict: true,
  allErrors: true,
  coerceTypes: false,
  useDefaults: false,
  meta: false,
  validateSchema: false,
};

const ajv = new Ajv(OPTIONS);

/** Checks sections of a `kind`, whose schema is `schema`. */
export function validatorOf(_kind: Section['kind'], schema: object): ValidateFunction {
  return ajv.compile(schema);
}
