// tsk add: adds an app to tskrazy.json.

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { APP_KINDS, type AppKind } from '../../shared/services/app-kinds.ts';
import { examples, type Session, type VerbAdder } from './session.ts';

type AddOptions = {
  name?: string;
  plugin?: string[];
  env?: Record<string, string>;
} & Partial<Record<AppKind, string>>;

export const addAddVerb: VerbAdder = (program, action) => {
  const verb = program
    .command('add')
    .summary('add an app to tskrazy.json')
    .description(
      'Add an app to tskrazy.json; its comments stay. APP is the name together with the option of ' +
        'its source, or the program itself: a .ts or .js file, a directory with a Go package, a Go import ' +
        'path, a Linux executable. What follows -- becomes the arguments of the app. The paths of the ' +
        'options are relative to the instance, as in tskrazy.json; APP is relative to the current directory.',
    )
    .argument('<app>', 'name of the app, or the program')
    .argument('[args...]', 'arguments of the app, after --')
    .option('--name <name>', 'name of the app, where the program gives another one');
  for (const [kind, { option }] of Object.entries(APP_KINDS)) {
    verb.option(`--${kind} <${option.argument}>`, option.text);
  }
  verb
    .option('--plugin <package>', 'npm package that the program of --npm loads; may be repeated', collectText)
    .option('--env <name=value>', 'environment variable; may be repeated', collectVariable)
    .addHelpText(
      'after',
      examples(
        ['tsk add ./src/sensor.ts', 'a TypeScript program'],
        ['tsk add bridge --npm homebridge@1 --plugin homebridge-dummy', 'a published program with a plugin'],
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

function collectText(text: string, previous: string[] = []): string[] {
  return [...previous, text];
}

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
  const { parseNpmSpec } = await import('../apps/npm/npm-spec.ts');
  const { recipeOf } = await import('../apps/npm/recipes.ts');
  const { chooseApp } = await import('../apps/guess-app.ts');
  const configPath = configPathOf(session.instanceDirectory);
  const { name, source } = await chooseApp(argument, options, session.instanceDirectory);
  const known = source.npm === undefined ? {} : recipeOf(parseNpmSpec(source.npm).name).config;
  const env = { ...known?.env, ...options.env };
  await addApp(configPath, name, {
    ...source,
    ...(options.plugin === undefined ? {} : { plugins: options.plugin }),
    ...known,
    ...(args.length === 0 ? {} : { args }),
    ...(Object.keys(env).length === 0 ? {} : { env }),
  });
  const [[kind, value] = []] = Object.entries(source);
  session.output.say(`Added app "${name}": ${[kind, value, ...args].join(' ')}`);
  if (typeof value === 'string' && isMissing(session.instanceDirectory, value))
    session.output.warn(
      `"${value}" is not there: make it before the next build, or mend the name with tsk edit`,
    );
}

/** Of sources that are paths without words to be filled in. */
function isMissing(instanceDirectory: string, source: string): boolean {
  return (
    /^\.{0,2}\//.test(source) && !source.includes('${') && !existsSync(resolve(instanceDirectory, source))
  );
}
