/** The readers that growth.test.ts leaves out. */
import t from 'tap';
import { measureReaders } from './measureReaders.ts';

t.setTimeout(600_000);

measureReaders(t, 1);
