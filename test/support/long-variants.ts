// Variants of tests that `npm test` has no time for: the code that each of them goes through is gone through there, too, with
// another board, another fault or fewer of them. `npm run test:long` runs them.

/** The environment variable that asks for them. */
export const LONG_TESTS = 'TSK_LONG_TESTS';

/** For the option `skip` of a test. */
export const LONG_VARIANT: string | false =
  process.env[LONG_TESTS] === '1' ? false : 'a long variant: npm run test:long';
