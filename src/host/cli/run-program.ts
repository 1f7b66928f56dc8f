// The one place where a run of tsk ends: turns what was thrown into words and an exit code, and Ctrl-C
// into an AbortSignal that the work in progress obeys and cleans up after.

import { styleText } from 'node:util';
import { CommanderError } from 'commander';
import { visibleLines } from '../../shared/text/visible-text.ts';
import { ConfigError } from '../config/problem.ts';
import { whereToReadMore } from '../help-topics.ts';
import { packageRoot } from '../package-root.ts';
import { UserError } from '../user-error.ts';

const EXIT_USER_ERROR = 1;
const EXIT_BUG = 70;
/** SIGPIPE stands for an output that nobody reads any more: Node.js tells of that by an error. */
const EXIT_CODES_BY_SIGNAL = { SIGHUP: 129, SIGINT: 130, SIGPIPE: 141, SIGTERM: 143 } as const;
/** Within this time a second signal is the first one once more: `timeout`, for one, sends it to the process and then to its group. */
const SAME_SIGNAL_MS = 500;
type Signal = keyof typeof EXIT_CODES_BY_SIGNAL;

export interface ProgramOptions {
  /** Errors go to standard output as `{"error":{"message","hint","more"}}`, for scripts. */
  json: boolean;
}

export async function runProgram(
  main: (signal: AbortSignal) => Promise<void>,
  options: ProgramOptions,
): Promise<void> {
  const controller = new AbortController();
  let received: Signal | undefined;
  let receivedAtMs = 0;
  const stop = (name: Signal): void => {
    received = name;
    receivedAtMs = performance.now();
    controller.abort(new UserError('Interrupted'));
  };
  for (const name of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      // One Ctrl-C may first end the reader of a pipe, and a terminal that is closed takes no words before it signals.
      if (received === undefined || received === 'SIGPIPE') stop(name);
      // The second one means it: whoever hangs in the clean-up must not keep the terminal.
      else if (name !== 'SIGHUP' && performance.now() - receivedAtMs > SAME_SIGNAL_MS)
        process.exit(EXIT_CODES_BY_SIGNAL[name]);
    });
  }
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // `| tee` dies of the same Ctrl-C, a terminal that is closed takes no more words: what is being cleaned up goes on.
    if (received !== undefined) return;
    if (error.code !== 'EPIPE' && error.code !== 'EIO') process.exit(reportLostOutput(error));
    stop('SIGPIPE');
  });
  // Nobody is left to be told.
  process.stderr.on('error', () => {});
  process.on('uncaughtException', (error) => process.exit(reportBug(error)));
  try {
    await main(controller.signal);
  } catch (error) {
    // `tsk --help | head -1` is no error.
    if (received === undefined || error instanceof CommanderError) {
      process.exitCode = reportError(error, options);
      return;
    }
    // An interruption is no news to who has caused it; in what state it left things may be.
    if (error instanceof UserError && error.cause === controller.signal.reason) reportError(error, options);
    // A download or a tool that nobody waits for any more would keep the process alive.
    process.exit(EXIT_CODES_BY_SIGNAL[received]);
  }
}

/** A file on a full disk, say. */
function reportLostOutput(error: NodeJS.ErrnoException): number {
  const problem = error.code === 'ENOSPC' ? 'the file system is full' : (error.code ?? error.message);
  const message = `Cannot write to standard output: ${problem}`;
  return reportUserError(new UserError(message, { cause: error }), { json: false });
}

function reportError(error: unknown, options: ProgramOptions): number {
  if (error instanceof CommanderError) return error.exitCode;
  return error instanceof UserError ? reportUserError(error, options) : reportBug(error);
}

function reportUserError(error: UserError, options: ProgramOptions): number {
  // A message may quote anything: a name of a file, the console of a machine.
  const chain = messageChain(error).map(visibleLines);
  const said = findInChain(error, ({ hint: each }) => each);
  const hint = said === undefined ? undefined : visibleLines(said);
  const topic = findInChain(error, ({ topic: each }) => each);
  const more = topic === undefined ? undefined : whereToReadMore(topic, packageRoot().homepage);
  if (options.json) {
    const problems = error instanceof ConfigError ? { problems: error.problems } : {};
    const body = {
      message: chain.join(': '),
      ...(hint === undefined ? {} : { hint }),
      ...(more === undefined ? {} : { more }),
      ...problems,
    };
    process.stdout.write(`${JSON.stringify({ error: body }, null, 2)}\n`);
    return EXIT_USER_ERROR;
  }
  const [first = '', ...causes] = chain;
  const lines = [`${paint('red', 'Error:')} ${first}`, ...causes.map((cause) => `  because: ${cause}`)];
  if (hint !== undefined) lines.push(`${paint('cyan', 'Hint:')} ${hint}`);
  if (more !== undefined) lines.push(`${paint('cyan', 'More:')} ${more}`);
  process.stderr.write(`${lines.join('\n')}\n`);
  return EXIT_USER_ERROR;
}

/** The message and those of its causes that say something new. */
function messageChain(error: Error): string[] {
  const messages: string[] = [];
  for (let current: unknown = error; current instanceof Error; current = current.cause) {
    const { message } = current;
    const isKnown = messages.some((earlier) => earlier.includes(message));
    // What the system or a library said (`ENOENT: no such file`) adds nothing to a message of ours that
    // gives its reason after a colon.
    const isExplained = !(current instanceof UserError) && messages.at(-1)?.includes(': ');
    if (message !== '' && !isKnown && !isExplained) messages.push(message);
  }
  return messages;
}

/** Of the error, or else of what has caused it. */
function findInChain<T>(error: unknown, pick: (error: UserError) => T | undefined): T | undefined {
  const found = error instanceof UserError ? pick(error) : undefined;
  return found === undefined && error instanceof Error ? findInChain(error.cause, pick) : found;
}

function reportBug(error: unknown): number {
  const details = error instanceof Error ? describeWithCauses(error) : String(error);
  const { version } = packageRoot();
  process.stderr.write(
    `${details}\n\n${paint('red', 'This is a bug in tsk.')} Please report it with the lines above ` +
      `(tsk ${version}, Node.js ${process.version}, ${process.platform} ${process.arch}).\n`,
  );
  return EXIT_BUG;
}

function describeWithCauses(error: Error): string {
  const own = error.stack ?? `${error.name}: ${error.message}`;
  return error.cause instanceof Error ? `${own}\nCaused by: ${describeWithCauses(error.cause)}` : own;
}

function paint(color: 'red' | 'cyan', text: string): string {
  return styleText(color, text, { stream: process.stderr });
}
