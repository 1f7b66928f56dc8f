// What every verb gets: the options that all verbs share, and one way to speak to the user.

import type { Command } from 'commander';
import { findInstanceBelow } from '../config/find-instance.ts';
import { Output } from './output.ts';

interface GlobalOptions {
  instance?: string;
  quiet?: boolean;
  json?: boolean;
}

export interface Session {
  /** Directory as given with `-i`, or as found; not yet opened. */
  readonly instanceDirectory: string;
  output: Output;
  /** Aborted by Ctrl-C. */
  signal: AbortSignal;
}

/** Makes a commander action of a verb's function. After the session come the arguments, then the options. */
export type ActionMaker = (
  run: (session: Session, ...parameters: never[]) => Promise<void>,
) => (...parameters: unknown[]) => Promise<void>;

/** Adds one verb to the program. */
export type VerbAdder = (program: Command, action: ActionMaker) => void;

/** Time for whoever wonders whether Ctrl-C was heard: a download in progress, for one, comes to its end first. */
const STOPPING_NOTICE_AFTER_MS = 1000;

function announceStop(output: Output): void {
  output.notice('Stopping; Ctrl-C again ends at once.');
}

function findInstance(output: Output): string {
  const directory = findInstanceBelow('.');
  if (directory !== '.') output.notice(`Instance: ${directory}`);
  return directory;
}

export function createActionMaker(signal: AbortSignal): ActionMaker {
  return (run) =>
    async (...parameters) => {
      const command = parameters.at(-1) as Command;
      const options = command.optsWithGlobals<GlobalOptions>();
      const output = new Output({ json: options.json ?? false, quiet: options.quiet ?? false });
      let found: string | undefined;
      const session: Session = {
        output,
        signal,
        // Looked for, and told of, by the verbs that need one.
        get instanceDirectory() {
          if (options.instance !== undefined) return options.instance;
          found ??= findInstance(output);
          return found;
        },
      };
      signal.addEventListener('abort', () =>
        setTimeout(announceStop, STOPPING_NOTICE_AFTER_MS, output).unref(),
      );
      try {
        await run(session, ...(parameters.slice(0, -1) as never[]));
      } finally {
        output.close();
      }
    };
}

/** What `--new-key` of several verbs means. */
export const NEW_KEY =
  'make a new update key if that of the instance is not here; devices know only the old one';

/** The examples at the end of a verb's help: command and, on a line above, what for. */
export function examples(...pairs: readonly (readonly [command: string, purpose: string])[]): string {
  return `\nExamples:\n${pairs.map(([command, purpose]) => `  # ${purpose}\n  ${command}`).join('\n')}\n`;
}
