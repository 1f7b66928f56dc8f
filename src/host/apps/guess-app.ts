// What `tsk add ARGUMENT` means: each kind of app is asked whether it is one of its own.

import { stat } from 'node:fs/promises';
import { APP_KIND_NAMES, APP_KINDS, type AppKind, type AppKindRow } from '../../shared/services/app-kinds.ts';
import { UserError } from '../user-error.ts';
import type { AppArgument } from './app-argument.ts';
import { APP_KINDS_OF_HOST } from './kinds.ts';
import { isScriptName } from './node/guess-node.ts';

export interface AppGuess {
  name: string;
  /** One key, as in tskrazy.json. */
  source: Partial<Record<AppKind, string>>;
}

export type SourceOptions = { name?: string } & Partial<Record<AppKind, string>>;

/** Name and source by what the user said, guessed where nothing was said. */
export async function chooseApp(
  argument: string,
  options: SourceOptions,
  instanceDirectory: string,
): Promise<AppGuess> {
  const given = APP_KIND_NAMES.filter((kind) => options[kind] !== undefined);
  if (given.length > 1) {
    throw new UserError(
      `Cannot add "${argument}": ${given.map((kind) => `--${kind}`).join(' and ')} exclude each other`,
    );
  }
  const [kind] = given;
  if (kind === undefined) {
    const guess = await guessApp(argument, instanceDirectory);
    return { ...guess, name: options.name ?? guess.name };
  }
  // The source stands as in tskrazy.json, hence relative to the instance.
  return { name: options.name ?? argument, source: { [kind]: options[kind] } };
}

/** `text` is relative to the current directory, the result to the instance's. */
export async function guessApp(text: string, instanceDirectory: string): Promise<AppGuess> {
  const info = await stat(text).catch(() => undefined);
  const what = info?.isFile() ? 'file' : info?.isDirectory() ? 'directory' : 'word';
  for (const kind of APP_KIND_NAMES) {
    const guessed = await APP_KINDS_OF_HOST[kind].guess({ what, text, instanceDirectory });
    if (guessed) return { name: guessed.name, source: { [kind]: guessed.source } };
  }
  throw notRecognised(what, text);
}

function notRecognised(what: AppArgument['what'], text: string): UserError {
  const missing = Object.values<AppKindRow>(APP_KINDS).flatMap(({ missing }) => missing[what] ?? []);
  const options = APP_KIND_NAMES.map((kind) => `--${kind}`);
  const refuse = (problem: string, hint: string): UserError =>
    new UserError(`Cannot add "${text}": ${problem}`, { hint });
  if (what === 'file')
    return refuse(`it is ${listOf(missing)}`, `Say what it is with ${listOf(options, 'or')}.`);
  if (what === 'directory') {
    return refuse(
      `the directory has ${listOf(missing)}`,
      'Name the entry point of a TypeScript or JavaScript program, e.g. ./src/main.ts; a project that is not to be bundled is ' +
        `added with its name and --npm ${text}.`,
    );
  }
  if (/^[./]/.test(text) || isScriptName(text)) {
    return refuse('there is no such file or directory', 'Paths are relative to the current directory.');
  }
  const [first = '', ...others] = options;
  return refuse(
    `it is ${listOf(['no file', 'no directory', ...missing])}`,
    `Name its source, e.g. tsk add ${text} ${first} ./src/${text}.ts (or ${others.join(', ')}).`,
  );
}

/** `a, b and c` */
function listOf(words: readonly string[], last: 'and' | 'or' = 'and'): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1)}`;
}
