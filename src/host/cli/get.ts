// tsk get: pins the components in tskrazy.lock.json.

import { examples, type Session, type VerbAdder } from './session.ts';

interface GetOptions {
  update?: boolean;
}

export const addGetVerb: VerbAdder = (program, action) => {
  program
    .command('get')
    .summary('pin the components, or move them to newer versions')
    .description(
      'Find the versions of the components (kernel, Node.js, C library, boot loader, ...) for the board and of Go ' +
        'programs by import path, write them with their hashes to tskrazy.lock.json, and download what is not in the cache.',
    )
    .option('-u, --update', 'move every component to its newest version')
    .option('--json', 'print what moved as JSON')
    .addHelpText(
      'after',
      examples(
        ['tsk get', 'fill the lock and the cache'],
        ['tsk get -u', 'newer versions; prints what moved'],
      ),
    )
    .action(action(runGet));
};

async function runGet(session: Session, options: GetOptions): Promise<void> {
  const { getComponents } = await import('./get-components.ts');
  await getComponents(session, { update: options.update ?? false });
}
