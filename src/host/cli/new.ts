// tsk new: makes an instance that builds and boots as it is.

import { BOARD_IDS, type BoardId, boardLike } from '../../shared/board/boards.ts';
import { displayPath } from '../config/problem.ts';
import { type Template, TEMPLATES } from '../package-root.ts';
import { boardOption, choiceOption } from './choice-option.ts';
import { examples, type Session, type VerbAdder } from './session.ts';

interface NewOptions {
  board?: BoardId;
  template?: Template;
}

export const addNewVerb: VerbAdder = (program, action) => {
  program
    .command('new')
    .summary('make a new instance with a running example')
    .description(
      'Make a new instance: a directory with tskrazy.json and a small web app. Nothing is overwritten.',
    )
    .argument('[dir]', 'the directory; its name becomes the hostname', '.')
    .addOption(boardOption("what it will run on (default: a PC with this computer's architecture)"))
    .addOption(
      choiceOption('--template <template>', 'language of the example (default: ts)', TEMPLATES, ['npm']),
    )
    .addHelpText(
      'after',
      examples(
        ['tsk new garden', 'a TypeScript app in the directory garden'],
        [`tsk new garden --board ${BOARD_IDS[1]} --template go`, 'a Go app for another board'],
      ),
    )
    .action(action(runNew));
};

async function runNew({ output }: Session, directory: string, options: NewOptions): Promise<void> {
  const { createInstance } = await import('../config/new-instance.ts');
  const board = options.board ?? boardLike(process.arch);
  const created = await createInstance(directory, { board, template: options.template ?? 'ts' });
  const path = displayPath(created.directory);
  output.say(
    `Made instance "${created.hostname}" for ${board} in ${path}:\n  ${created.files.join('\n  ')}\n`,
  );
  output.say(
    'Its updates are signed with .tskrazy/update-key.pem, which is not for version control: keep a copy of it.\n',
  );
  const isHere = created.directory === process.cwd();
  output.say(
    [
      'Next:',
      ...(isHere ? [] : [`  cd ${quote(path)}`]),
      '  tsk vm run                            boot it in a virtual machine',
      `  tsk build --disk ${`${created.hostname}.img`.padEnd(20)} make a disk image`,
      '  tsk flash                             list the disks that it can be written to',
    ].join('\n'),
  );
}

/** Quotes for the shell, where it needs that. */
function quote(path: string): string {
  return /^[\w./~@%+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
