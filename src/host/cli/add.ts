// tsk add: adds an app to tskrazy.json.

import { InvalidArgumentError } from 'commander';
import { APP_KINDS, type AppKind } from '../../shared/services/app-kinds.ts';
import { examples, type Session, type VerbAdder } from './session.ts';

type AddOptions = { name?: string; env?: Record<string, string> } & Partial<Record<AppKind, string>>;

export const addAddVerb: VerbAdder = (program, action) => {
  const verb = program
    .command('add')
    .summary('add an app to tskrazy.json')
    .description(
      'Add an app to tskrazy.json; its comments stay. APP is the name together with the option of\n' +
        'its source, or the program itself: a .ts or .js file, a directory with a Go package, a Go import\n' +
        'path, a Linux executable. What follows -- becomes the arguments of the app. The paths of the\n' +
        'options are relative to the instance, as in tskrazy.json; APP is relative to the current directory.',
    )
    .argument('<app>', 'name of the app, or the program')
    .argument('[args...]', 'arguments of the app, after --')
    .option('--name <name>', 'name of the app, where the program gives another one');
  for (const [kind, { option }] of Object.entries(APP_KINDS)) {
    verb.option(`--${kind} <${option.argument}>`, option.text);
  }
  verb
    .option('--env <name=value>', 'environment variable; may be repeated', collectVariable)
    .addHelpText(
      'after',
      examples(
        ['tsk add ./src/sensor.ts', 'a TypeScript program'],
        ['tsk add scan --go ./cmd/scan', 'a Go program of your own, with a name'],
        ['tsk add github.com/stapelberg/scan2drive/cmd/scan2drive@latest', 'a published Go program'],
        [
          "tsk add caddy --binary './caddy-${arch}' -- run --config /perm/Caddyfile",
          'an executable with arguments',
        ],
      ),
    )
    .action(action(runAdd));
};

function collectVariable(text: string, previous: Record<string, string> = {}): Record<string, string> {
  const equals = text.indexOf('=');
  if (equals <= 0) throw new InvalidArgumentError('Give NAME=VALUE.');
  return { ...previous, [text.slice(0, equals)]: text.slice(equals + 1) };
}

async function runAdd(
  session: Session,
  argument: string,
  args: string[],
  options: AddOptions,
): Promise<void> {
  const { addApp } = await import('../config/add-app.ts');
  const { configPathOf } = await import('../config/instance.ts');
  const { chooseApp } = await import('../apps/guess-app.ts');
  const configPath = configPathOf(session.instanceDirectory);
  const { name, source } = await chooseApp(argument, options, session.instanceDirectory);
  await addApp(configPath, name, {
    ...source,
    ...(args.length === 0 ? {} : { args }),
    ...(options.env === undefined ? {} : { env: options.env }),
  });
  const [[kind, value] = []] = Object.entries(source);
  session.output.say(`Added app "${name}": ${[kind, value, ...args].join(' ')}`);
}
