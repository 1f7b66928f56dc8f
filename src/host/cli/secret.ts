// tsk secret: what apps are given that nobody else may see.

import { UserError } from '../user-error.ts';
import { examples, type Session, type VerbAdder } from './session.ts';

export const addSecretVerb: VerbAdder = (program, action) => {
  const secret = program
    .command('secret')
    .summary('set, list or remove what only one app may see')
    .description(
      'Tokens, passwords and keys of apps. They lie in .tskrazy/secrets, and in the image where only root and the app ' +
        'see them: as the file /run/secrets/NAME, whose path is in the variable TSK_SECRET_NAME.',
    )
    .addHelpText('after', examples(['tsk secret set sensor API_TOKEN', 'asks for the value']));
  secret
    .command('set')
    .summary('set a secret of an app: asks for it, or reads it from standard input')
    .description(
      'Set a secret. At a terminal it asks for the value and shows nothing; otherwise the value is standard input, ' +
        'without the newline at its end. It takes effect with the next image.',
    )
    .argument('<app>', 'which app')
    .argument('<name>', 'as in "secrets" of the app: capital letters, digits and "_"')
    .argument('[value...]', 'not here: see above')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples(
        ['tsk secret set sensor API_TOKEN', 'asks for the value'],
        ['pass show garden/api | tsk secret set sensor API_TOKEN', 'from another program'],
        ['tsk secret set proxy TLS_KEY < tls.pem', 'from a file'],
      ),
    )
    .action(action(runSet));
  secret
    .command('list')
    .summary('show which secrets there are, and which are missing')
    .description('Show the names of all secrets by app, and whether they are set here. No value is shown.')
    .option('--json', 'print JSON')
    .addHelpText('after', examples(['tsk secret list', 'what has to be set before a build']))
    .action(action(runList));
  secret
    .command('rm')
    .summary('remove a secret of an app')
    .description('Remove a secret here. The device has it until its next image.')
    .argument('<app>', 'which app')
    .argument('<name>', 'which secret')
    .option('--json', 'print JSON')
    .addHelpText('after', examples(['tsk secret rm sensor API_TOKEN', 'it is needed no more']))
    .action(action(runRemove));
};

async function runSet(session: Session, app: string, name: string, value: readonly string[]): Promise<void> {
  if (value.length > 0) {
    throw new UserError(
      `Cannot set the secret ${name} to an argument: other programs of this computer see it`,
      {
        hint:
          `"tsk secret set ${app} ${name}" asks for it. What you have typed stands in the history of your shell now: ` +
          'remove it there, or take another value.',
      },
    );
  }
  const { setSecret } = await import('./app-secrets.ts');
  await setSecret(session, app, name);
}

async function runList(session: Session): Promise<void> {
  const { showSecrets } = await import('./app-secrets.ts');
  await showSecrets(session);
}

async function runRemove(session: Session, app: string, name: string): Promise<void> {
  const { removeOne } = await import('./app-secrets.ts');
  await removeOne(session, app, name);
}
