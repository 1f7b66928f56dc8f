// The entry of tsk, after bin/tsk.ts has checked the version of Node.

import { createProgram } from './program.ts';
import { runProgram } from './run-program.ts';

export async function main(argv: string[]): Promise<void> {
  // Even a mistyped option must be reported in the form that the script asked for.
  const end = argv.indexOf('--');
  const json = (end < 0 ? argv : argv.slice(0, end)).includes('--json');
  await runProgram(
    async (signal) => {
      await createProgram(signal).parseAsync(argv, { from: 'user' });
    },
    { json },
  );
}
