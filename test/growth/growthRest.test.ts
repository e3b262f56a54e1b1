/** The readers that growth.test.ts leaves out. */
import t from 'tap';
import { measureReaders } from './measureReaders.ts';

t.setTimeout(1_800_000);

measureReaders(t, 1);
