/**
 * The schemas are schemas: compiled once with every check that ajv has, which the program leaves out to start faster.
 */
import { Ajv } from 'ajv';
import { test } from 'tap';
import { KINDS, schemaOf } from '../../../src/config/keys/schema.ts';

test('each kind of section has a valid schema', async (t) => {
  for (const kind of KINDS) {
    const ajv = new Ajv({ strict: true, allErrors: true, meta: true, validateSchema: true });
    t.ok(ajv.validateSchema(schemaOf(kind)), kind);
    t.equal(ajv.compile(schemaOf(kind))({ 'no-such-key': 'x' }), false);
  }
});
