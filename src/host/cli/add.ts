// tsk add: adds an app to tskrazy.json.

import { InvalidArgumentError } from 'commander';
import { examples, type Session, type VerbAdder } from './session.ts';

interface AddOptions {
  name?: string;
  node?: string;
  go?: string;
  binary?: string;
  env?: Record<string, string>;
}

export const addAddVerb: VerbAdder = (program, action) => {
  program
    .command('add')
    .summary('add an app to tskrazy.json')
    .description(
      'Add an app to tskrazy.json; its comments stay. APP is the name together with one of --node, --go and\n' +
        '--binary, or the program itself: a .ts or .js file, a folder with a Go package, a Go import path,\n' +
        'a Linux executable. What follows -- becomes the arguments of the app. The paths of the options are\n' +
        'relative to the instance, as in tskrazy.json; APP is relative to the current folder.',
    )
    .argument('<app>', 'name of the app, or the program')
    .argument('[args...]', 'arguments of the app, after --')
    .option('--name <name>', 'name of the app, where the program gives another one')
    .option('--node <file>', 'TypeScript or JavaScript entry point')
    .option('--go <package>', 'Go import path with version, or local folder')
    .option('--binary <file>', 'static Linux executable; ${arch} stands for amd64 or arm64')
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
