// The command line of tsk: its verbs, and what is alike for all of them. Verbs load what they need when
// they run, so that `tsk --help` and a TAB stay quick.

import { type Argument, Command, type CommanderError } from 'commander';
import { nearestName } from '../nearest-name.ts';
import { packageRoot } from '../package-root.ts';
import { UserError } from '../user-error.ts';
import { createActionMaker, examples, type VerbAdder } from './session.ts';
import { addAddVerb } from './add.ts';
import { addBuildVerb } from './build.ts';
import { addCompletionVerb } from './completion.ts';
import { addDoctorVerb } from './doctor.ts';
import { addEditVerb } from './edit.ts';
import { addFlashVerb } from './flash.ts';
import { addGetVerb } from './get.ts';
import { addInspectVerb } from './inspect.ts';
import { addKeyVerb } from './key.ts';
import { addLogsVerb } from './logs.ts';
import { addNewVerb } from './new.ts';
import { addOpenVerb } from './open.ts';
import { addPowerVerbs } from './power.ts';
import { addProfileVerb } from './profile.ts';
import { addPsVerb } from './ps.ts';
import { addReplVerb } from './repl.ts';
import { addRollbackVerb } from './rollback.ts';
import { addSecretVerb } from './secret.ts';
import { addServiceVerbs } from './services.ts';
import { addCpVerb } from './cp.ts';
import { addSshVerb } from './ssh.ts';
import { addStatusVerb } from './status.ts';
import { addUpdateVerb } from './update.ts';
import { addVmVerb } from './vm.ts';
import { addWifiVerb } from './wifi.ts';
import { addVersionVerb } from './version.ts';

const VERB_GROUPS: readonly (readonly [title: string, verbs: readonly VerbAdder[]])[] = [
  [
    'Edit an instance:',
    [addNewVerb, addAddVerb, addEditVerb, addGetVerb, addKeyVerb, addSecretVerb, addWifiVerb],
  ],
  ['Build and deploy it:', [addBuildVerb, addFlashVerb, addVmVerb, addUpdateVerb, addRollbackVerb]],
  [
    'Operate the device:',
    [
      addOpenVerb,
      addStatusVerb,
      addPsVerb,
      addLogsVerb,
      addSshVerb,
      addCpVerb,
      addServiceVerbs,
      addPowerVerbs,
    ],
  ],
  ['Look into an app:', [addReplVerb, addInspectVerb, addProfileVerb]],
  ['Other:', [addDoctorVerb, addCompletionVerb, addVersionVerb]],
];

export function createProgram(signal: AbortSignal): Command {
  const program = new Command('tsk')
    .description('Turns TypeScript and Go programs into appliances that boot straight into your apps')
    .option(
      '-i, --instance <dir>',
      'directory of the instance (default: the current one, or the only one in it)',
    )
    .option('-q, --quiet', 'print results and errors only')
    .version(packageRoot().version, '-V, --version', 'print the version of tsk')
    .helpOption('-h, --help', 'print help')
    .configureHelp({
      showGlobalOptions: true,
      subcommandTerm: (verb) => [verb.name(), ...verb.registeredArguments.map(formatArgument)].join(' '),
    })
    .helpCommand(false)
    .configureOutput({ outputError: () => {} })
    .addHelpText(
      'after',
      examples(
        ['tsk new garden && cd garden && tsk vm run', 'make an instance and boot it in a virtual machine'],
        ['tsk build --disk garden.img', 'build its disk image'],
        ['tsk logs -f sensor', 'see what an app of the running device says'],
      ),
    );
  const action = createActionMaker(signal);
  for (const [title, verbs] of VERB_GROUPS) {
    program.commandsGroup(title);
    for (const addVerb of verbs) addVerb(program, action);
  }
  program
    .command('help')
    .argument('[verb...]')
    .description('print help of a verb')
    .action((words: string[]) => findVerb(program, words).help());
  throwErrors(program, program.name());
  return program;
}

/** Errors are printed by runProgram like all others. `words` are what calls the verb. */
function throwErrors(verb: Command, words: string): void {
  verb.exitOverride((error) => {
    // Help that was printed; only its exit code is left.
    if (error.exitCode === 0 || error.code === 'commander.help') throw error;
    throw fromCommander(error, words);
  });
  for (const each of verb.commands) throwErrors(each, `${words} ${each.name()}`);
}

/** Commander's `error: unknown option '--x'\n(Did you mean --y?)` in our form. */
function fromCommander(error: CommanderError, words: string): UserError {
  const [first = '', suggestion] = error.message.replace(/^error: /, '').split('\n');
  const hint = suggestion?.replace(/^\(|\)$/g, '') ?? `See "${words} --help".`;
  const sentence = first.charAt(0).toUpperCase() + first.slice(1).replaceAll("'", '"');
  return new UserError(sentence.replace(/\.$/, ''), { hint });
}

/** Commander's own help prints that of all verbs for one that it does not know, and nothing of a verb's verbs. */
function findVerb(program: Command, words: readonly string[]): Command {
  let verb = program;
  for (const word of words) {
    const known = verb.createHelp().visibleCommands(verb);
    const next = known.find((each) => each.name() === word);
    if (next === undefined) {
      const nearest = nearestName(
        word,
        known.map((each) => each.name()),
      );
      const hint = nearest === undefined ? 'See "tsk --help".' : `Did you mean ${nearest}?`;
      throw new UserError(`Unknown command "${word}"`, { hint });
    }
    verb = next;
  }
  return verb;
}

function formatArgument(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
  return argument.required ? `<${name}>` : `[${name}]`;
}
