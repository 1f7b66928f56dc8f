// The tsk that tests run: the checkout's, or what scripts/test.ts has made of it, which starts sooner.

import { join } from 'node:path';

/** The environment variable that names the latter. */
export const TSK_FOR_TESTS = 'TSK_FOR_TESTS';

/** As people run it. */
export const TSK_OF_CHECKOUT = join(import.meta.dirname, '..', '..', 'bin', 'tsk.ts');
export const TSK = process.env[TSK_FOR_TESTS] ?? TSK_OF_CHECKOUT;
