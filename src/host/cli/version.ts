// tsk version: of tsk and of what it runs on, for bug reports.

import { packageRoot } from '../package-root.ts';
import { examples, type VerbAdder } from './session.ts';

export const addVersionVerb: VerbAdder = (program, action) => {
  program
    .command('version')
    .description('print the versions of tsk and of the Node.js that runs it')
    .option('--json', 'print JSON')
    .addHelpText('after', examples(['tsk version --json', 'for a script']))
    .action(
      action(async ({ output }) => {
        const { version } = packageRoot();
        const platform = `${process.platform}-${process.arch}`;
        output.result(
          { tsk: version, node: process.version.slice(1), platform },
          `tsk ${version} (Node.js ${process.version}, ${platform})`,
        );
      }),
    );
};
