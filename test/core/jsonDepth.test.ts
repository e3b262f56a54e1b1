/** How deep JSON is nested: strings do not count, and text that is no JSON has an answer. */
import { test } from 'tap';
import { isNestedDeeper } from '../../src/core/jsonDepth.ts';

test('lists and objects count, strings do not', async (t) => {
  t.notOk(isNestedDeeper('', 0));
  t.notOk(isNestedDeeper('[{"a":[1,2]}]', 3));
  t.ok(isNestedDeeper('[{"a":[1,2]}]', 2));
  t.notOk(isNestedDeeper('["[[[[\\"[[[", {}, {}, []]', 2));
  t.notOk(isNestedDeeper('"[[[', 0), 'a string without an end');
  t.ok(isNestedDeeper('['.repeat(1_048_576), 8));
});
