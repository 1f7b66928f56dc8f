// tsk edit: opens tskrazy.json in the user's editor, then says what is wrong with it.

import { examples, type Session, type VerbAdder } from './session.ts';

export const addEditVerb: VerbAdder = (program, action) => {
  program
    .command('edit')
    .summary('edit tskrazy.json and check it')
    .description('Open tskrazy.json in the editor of $VISUAL or $EDITOR, and check it afterwards.')
    .addHelpText('after', examples(["VISUAL='code --wait' tsk edit", 'in Visual Studio Code']))
    .action(action(runEdit));
};

async function runEdit(session: Session): Promise<void> {
  const { configPathOf, readConfigText } = await import('../config/instance.ts');
  const { parseConfig } = await import('../config/parse-config.ts');
  const { openEditor } = await import('./editor.ts');
  const configPath = configPathOf(session.instanceDirectory);
  const before = await readConfigText(configPath);
  await openEditor(configPath);
  const after = await readConfigText(configPath);
  parseConfig(after, configPath);
  session.output.say(after === before ? 'Nothing changed.' : 'The configuration is valid.');
}
