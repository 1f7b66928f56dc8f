// tskrazy/app: what a program may use to fit into a tskrazy device. All of it is optional: a program that knows
// nothing of it runs just as well. Off the device everything works as in any program: nothing is waited for,
// the data is in the current directory. It imports nothing but Node.js; what it does behind the scenes (two
// environment variables, a socket, lines of text) is written down in docs/app-sdk.md for other languages.

import { connect } from 'node:net';
import { inspect } from 'node:util';

/** True on a tskrazy device, false on your computer. */
export const isOnDevice: boolean = process.env['TSK_SOCKET'] !== undefined;

/**
 * Where the app keeps its data: the one directory that survives reboots and updates. On the device it exists and
 * belongs to the app (`dataDir` in tskrazy.json, by default `/perm/NAME`). Elsewhere it is the environment
 * variable `TSK_DATA_DIR`, or else the current directory.
 *
 * @example
 * import { dataDir } from 'tskrazy/app';
 *
 * const database = new DatabaseSync(`${dataDir}/readings.db`);
 */
export const dataDir: string = process.env['TSK_DATA_DIR'] ?? process.cwd();

/**
 * What an app can wait for. `clock`: the time is right, because time servers have set it since boot. `network`:
 * some interface is connected and has an address with a router. `app:NAME`: that app runs; if it has `"ready": true`
 * in tskrazy.json, it has also said that it is ready.
 */
export type Condition = 'clock' | 'network' | `app:${string}`;

/**
 * Says that the app now does what it is there for. With `"ready": true` in tskrazy.json the app counts as
 * starting until then, and those that wait for it go on waiting. Without that key it changes nothing. Never
 * rejects: should the device not take it, a warning is logged.
 *
 * @example
 * server.listen(8080, () => void ready());
 */
export async function ready(): Promise<void> {
  if (!isOnDevice) return;
  try {
    await ask('ready');
  } catch (error) {
    log.warn('The device does not know that this app is ready', { error });
  }
}

/**
 * Resolves as soon as all conditions hold: at once when they do already, and off the device.
 * To keep an app from even being started, use `waitFor` in tskrazy.json.
 *
 * @example
 * await waitFor(['network', 'clock'], { signal: AbortSignal.timeout(60_000) });
 * await upload();
 */
export async function waitFor(
  conditions: Condition | readonly Condition[],
  options: { signal?: AbortSignal } = {},
): Promise<void> {
  options.signal?.throwIfAborted();
  const words = typeof conditions === 'string' ? [conditions] : conditions;
  if (isOnDevice && words.length > 0) await ask(`wait ${words.join(' ')}`, options.signal);
}

type Cleanup = () => void | Promise<void>;

const cleanups: Cleanup[] = [];

/**
 * Calls `cleanup` when the app is asked to stop (SIGTERM, or Ctrl-C on your computer); the last one added is called
 * first. Once all are done the process exits. The device waits for as long as `stopTimeoutSec` in tskrazy.json
 * allows (5 seconds by default), then it kills the app. Returns a function that takes it back.
 *
 * @example
 * onShutdown(async () => {
 *   await database.flush();
 * });
 */
export function onShutdown(cleanup: Cleanup): () => void {
  if (cleanups.length === 0) {
    for (const signal of SIGNALS) process.on(signal, shutDown);
  }
  cleanups.push(cleanup);
  return () => {
    const index = cleanups.lastIndexOf(cleanup);
    if (index >= 0) cleanups.splice(index, 1);
    if (cleanups.length > 0 || isShuttingDown) return;
    for (const signal of SIGNALS) process.off(signal, shutDown);
  };
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;
let isShuttingDown = false;

function shutDown(): void {
  // A second Ctrl-C means now.
  if (isShuttingDown) process.exit(1);
  isShuttingDown = true;
  void runCleanups().then((exitCode) => process.exit(exitCode));
}

async function runCleanups(): Promise<0 | 1> {
  let exitCode: 0 | 1 = 0;
  for (const cleanup of cleanups.toReversed()) {
    try {
      await cleanup();
    } catch (error) {
      log.error('Cannot clean up', { error });
      exitCode = 1;
    }
  }
  return exitCode;
}

/** Values of any kind; an Error is written with its stack. */
export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  debug(text: string, fields?: LogFields): void;
  info(text: string, fields?: LogFields): void;
  warn(text: string, fields?: LogFields): void;
  error(text: string, fields?: LogFields): void;
  /** A logger that adds these fields to every line. */
  with(fields: LogFields): Logger;
}

/**
 * Writes lines that the log view of the device takes apart: the text, how serious it is, and named values. Warnings and
 * errors go to standard error. `console.log` works as well, and each of its lines is just a text.
 *
 * @example
 * log.info('reading stored', { sensor: 'north', celsius: 21.5 });
 * // level=info msg="reading stored" sensor=north celsius=21.5
 *
 * const request = log.with({ client: '10.0.0.7' });
 * request.error('upload failed', { error });
 */
export const log: Logger = makeLogger({});

type Level = 'debug' | 'info' | 'warn' | 'error';

function makeLogger(always: LogFields): Logger {
  const at =
    (level: Level) =>
    (text: string, fields: LogFields = {}): void =>
      writeLine(level, text, { ...always, ...fields });
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    with: (fields) => makeLogger({ ...always, ...fields }),
  };
}

function writeLine(level: Level, text: string, fields: LogFields): void {
  const words = Object.entries(fields).map(([name, value]) => `${fieldName(name)}=${quote(describe(value))}`);
  const stacks = Object.values(fields).flatMap((value) => (value instanceof Error ? stackOf(value) : []));
  const stream = level === 'warn' || level === 'error' ? process.stderr : process.stdout;
  // The line is written in one piece, so that lines of others do not come between. A stack is on lines of its own,
  // where `tsk logs` finds it and leads back to the source.
  stream.write(`${[[`level=${level} msg=${quote(text)}`, ...words].join(' '), ...stacks].join('\n')}\n`);
}

function fieldName(name: string): string {
  return name.replaceAll(/[\s="]/g, '_') || '_';
}

function describe(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof Error) return String(value);
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString();
  if (typeof value !== 'object' || value === null) return String(value);
  try {
    return (
      JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? `${inner}` : inner)) ?? ''
    );
  } catch {
    // The value contains itself.
    return inspect(value, { breakLength: Infinity });
  }
}

function quote(text: string): string {
  return /^[^\s="\\\p{Cc}]+$/u.test(text) ? text : JSON.stringify(text);
}

function stackOf(error: Error): string[] {
  return (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
}

/** One line to init, one line back. */
function ask(request: string, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(process.env['TSK_SOCKET'] ?? '');
    let answer = '';
    const abort = (): void => {
      socket.destroy();
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', abort, { once: true });
    socket.setEncoding('latin1');
    socket.on('connect', () => socket.write(`${request}\n`));
    socket.on('data', (chunk: string) => (answer += chunk));
    socket.on('error', (cause) => reject(new Error('Cannot reach the init of this device', { cause })));
    socket.on('close', () => {
      signal?.removeEventListener('abort', abort);
      const text = answer.trim();
      if (text === 'ok') resolve();
      else
        reject(new Error(`Cannot ask init to "${request}": ${text.replace(/^error /, '') || 'no answer'}`));
    });
  });
}
