// What may stand at the end of a command line that is being typed, read off commander's tree of verbs.
// @bomb.sh/tab has such an engine too, but 0.0.22 never lets the shell complete file names.

import type { Argument, Command, Option } from 'commander';

export interface Completion {
  /** Value and description. */
  candidates: readonly (readonly [string, string])[];
  /** When nothing fits, the shell offers file names. */
  allowsFiles: boolean;
}

/** Values that only a look at this computer can tell, by verb: `vm stop`. */
export type DynamicValues = Readonly<Record<string, () => Promise<readonly string[]>>>;

const NOTHING: Completion = { candidates: [], allowsFiles: false };

/** `words` are those after `tsk`; the last one, maybe empty, is being typed. */
export async function completeWords(
  program: Command,
  words: readonly string[],
  dynamic: DynamicValues = {},
): Promise<Completion> {
  const current = words.at(-1) ?? '';
  const { command, pending, operandCount, isPastOptions } = readWords(program, words.slice(0, -1));
  if (pending) return startingWith(completeValue(pending), current);
  if (isPastOptions) return { candidates: [], allowsFiles: true };
  const flag = /^(--[^=]+)=(.*)$/s.exec(current);
  if (flag) {
    const option = findOption(command, flag[1] ?? '');
    return option && takesValue(option) ? startingWith(completeValue(option), flag[2] ?? '') : NOTHING;
  }
  if (current.startsWith('-'))
    return startingWith({ candidates: describeOptions(command), allowsFiles: false }, current);
  const verbs = visibleVerbs(command);
  if (verbs.length > 0 && operandCount === 0) {
    return startingWith(
      {
        candidates: verbs.map((verb) => [verb.name(), verb.summary() || verb.description()]),
        allowsFiles: false,
      },
      current,
    );
  }
  return startingWith(await completeOperand(command, operandCount, dynamic), current);
}

interface ReadState {
  command: Command;
  /** The option whose value comes next. */
  pending: Option | undefined;
  operandCount: number;
  /** Whether a `--` came before. */
  isPastOptions: boolean;
}

function readWords(program: Command, words: readonly string[]): ReadState {
  const state: ReadState = { command: program, pending: undefined, operandCount: 0, isPastOptions: false };
  for (const word of words) {
    if (state.pending) state.pending = undefined;
    else if (state.isPastOptions) continue;
    else if (word === '--') state.isPastOptions = true;
    else if (word.startsWith('-')) {
      const option = word.includes('=') ? undefined : findOption(state.command, word);
      if (option && takesValue(option)) state.pending = option;
    } else {
      const verb = visibleVerbs(state.command).find((candidate) => candidate.name() === word);
      if (verb && state.operandCount === 0) state.command = verb;
      else state.operandCount += 1;
    }
  }
  return state;
}

function takesValue(option: Option): boolean {
  return option.required || option.optional;
}

/** The verb's own options and those of the program. */
function optionsOf(command: Command): Option[] {
  const own = command.createHelp().visibleOptions(command);
  return command.parent ? [...own, ...optionsOf(command.parent)] : own;
}

function findOption(command: Command, flag: string): Option | undefined {
  return optionsOf(command).find((option) => option.long === flag || option.short === flag);
}

function describeOptions(command: Command): [string, string][] {
  const byFlag = new Map<string, string>();
  for (const option of optionsOf(command)) {
    const flag = option.long ?? option.short ?? '';
    if (!byFlag.has(flag)) byFlag.set(flag, option.description);
  }
  return [...byFlag];
}

function visibleVerbs(command: Command): Command[] {
  return command.createHelp().visibleCommands(command);
}

function completeValue({ argChoices, flags }: Option): Completion {
  if (argChoices) return { candidates: argChoices.map((choice) => [choice, '']), allowsFiles: false };
  return { candidates: [], allowsFiles: /<(file|dir)>/.test(flags) };
}

async function completeOperand(command: Command, index: number, dynamic: DynamicValues): Promise<Completion> {
  const names = [command.name()];
  for (let parent = command.parent; parent?.parent; parent = parent.parent) names.unshift(parent.name());
  const values = dynamic[names.join(' ')];
  if (values) return { candidates: (await values()).map((value) => [value, '']), allowsFiles: false };
  const declared: readonly Argument[] = command.registeredArguments;
  const argument = declared[index] ?? (declared.at(-1)?.variadic ? declared.at(-1) : undefined);
  if (!argument) return NOTHING;
  if (argument.argChoices)
    return { candidates: argument.argChoices.map((choice) => [choice, '']), allowsFiles: false };
  return { candidates: [], allowsFiles: true };
}

function startingWith(completion: Completion, prefix: string): Completion {
  return { ...completion, candidates: completion.candidates.filter(([value]) => value.startsWith(prefix)) };
}
