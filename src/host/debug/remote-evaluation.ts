// Evaluates what a person types in a running app, as the prompt of Node.js would: results as util.inspect shows them, the
// names that could come next. All of it happens in the app; what comes back is its word.

import { setTimeout as sleep } from 'node:timers/promises';
import { ProtocolError, type InspectorClient } from './inspector-client.ts';
import { objectOf, textOf } from './loose-values.ts';

/** Of a result as it is shown. */
const MAX_SHOWN = 1024 * 1024;
const MAX_NAMES = 5000;
const COMPLETION_LIMIT_MS = 500;
/** Without a pause (`await`) in which the app gets on: a loop without end would be the end of the app. */
const RUN_LIMIT_MS = 5_000;
/** For the app to be as it was; init does the same when it closes the inspector. */
const END_LIMIT_MS = 2_000;
/** Objects that are held for us are let go of by this name. */
const GROUP = 'tsk-repl';

/** `require` for modules and scripts alike, as the app's own would find packages; init calls `end` if nobody else does. */
const BEGIN = `(() => {
  const key = Symbol.for('tskrazy.debugger');
  const mine = !Object.hasOwn(globalThis, 'require');
  const define = (name, value) =>
    Object.defineProperty(globalThis, name, { configurable: true, writable: true, enumerable: false, value });
  if (mine) define('require', process.getBuiltinModule('node:module').createRequire(process.argv[1] ?? process.cwd() + '/'));
  define(key, { end() {
    if (mine) delete globalThis.require;
    delete globalThis[key];
  } });
})()`;
const END = `globalThis[Symbol.for('tskrazy.debugger')]?.end()`;

const INSPECT = `function (options) { return process.getBuiltinModule('node:util').inspect(this, options).slice(0, ${MAX_SHOWN}); }`;
const NAMES = `function () {
  const names = new Set();
  for (let object = this; object != null && names.size < ${MAX_NAMES}; object = Object.getPrototypeOf(object))
    for (const name of Object.getOwnPropertyNames(object)) if (/^[A-Za-z_$][\\w$]*$/.test(name)) names.add(name);
  return [...names];
}`;
const KEYWORDS = [
  'await',
  'const',
  'let',
  'new',
  'typeof',
  'var',
  'function',
  'async',
  'import',
  'delete',
  'throw',
];

export type Outcome =
  | { kind: 'value'; text: string; isUndefined: boolean }
  | { kind: 'thrown'; text: string }
  /** More has to be typed before it means anything. */
  | { kind: 'incomplete'; message: string };

export class RemoteEvaluation {
  readonly #client: InspectorClient;
  readonly #colors: boolean;
  /** The app runs in a loop without end: what is asked is answered in the middle of it, and nothing can be waited for. */
  readonly isStuck: boolean;

  private constructor(client: InspectorClient, { colors, isStuck }: { colors: boolean; isStuck: boolean }) {
    this.#client = client;
    this.#colors = colors;
    this.isStuck = isStuck;
  }

  static async begin(client: InspectorClient, options: { colors: boolean }): Promise<RemoteEvaluation> {
    await client.send('Runtime.enable');
    await client.send('Runtime.evaluate', { expression: BEGIN, silent: true });
    // As a prompt evaluates it, it needs a pause of the app.
    const paused = client.send('Runtime.evaluate', { expression: '0', replMode: true, silent: true });
    paused.catch(() => {});
    const isStuck = await Promise.race([paused.then(() => false), sleep(RUN_LIMIT_MS, true, { ref: false })]);
    return new RemoteEvaluation(client, { ...options, isStuck });
  }

  /** The app is as it was, but for what the person has changed in it. */
  async end(): Promise<void> {
    const ended = Promise.all([
      this.#client.send('Runtime.evaluate', { expression: END, silent: true }),
      this.#client.send('Runtime.releaseObjectGroup', { objectGroup: GROUP }),
    ]);
    await Promise.race([ended, sleep(END_LIMIT_MS, undefined, { ref: false })]);
  }

  /** Rejects when the connection ends. */
  async evaluate(code: string): Promise<Outcome> {
    try {
      // An object is meant where a block could be.
      if (/^\s*\{/.test(code) && !/;\s*$/.test(code)) {
        const asObject = await this.#run(`(${code.trim()}\n)`);
        if (!isSyntaxError(asObject)) return await this.#outcomeOf(asObject);
      }
      return await this.#outcomeOf(await this.#run(code));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      const isLong = /terminated|^Internal error$/i.test(error.message);
      const text = isLong ? `Stopped: it ran for ${RUN_LIMIT_MS / 1000} s without a pause` : error.message;
      return { kind: 'thrown', text };
    }
  }

  /** What `console` was called with, as the console would show it. */
  async showAll(values: readonly unknown[]): Promise<string> {
    const texts: string[] = [];
    for (const value of values) {
      const { type, value: text } = objectOf(value);
      texts.push(type === 'string' ? textOf(text) : await this.#show(objectOf(value)));
    }
    return texts.join(' ');
  }

  /** Names that may stand at the end of `line`, and how much of it they stand for. */
  async complete(line: string): Promise<[names: string[], typed: string]> {
    const [, object, typed = ''] =
      /(?:([A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*|\[\d+\])*)\.)?([A-Za-z_$][\w$]*)?$/.exec(line) ?? [];
    if (object === undefined && typed === '') return [[], ''];
    const names = object === undefined ? await this.#globalNames() : await this.#namesOf(object);
    return [names.filter((name) => name.startsWith(typed)).sort(), typed];
  }

  async #globalNames(): Promise<string[]> {
    const lexical = await this.#client.send('Runtime.globalLexicalScopeNames');
    return [...textsOf(lexical['names']), ...(await this.#namesOf('globalThis')), ...KEYWORDS];
  }

  async #namesOf(expression: string): Promise<string[]> {
    // A getter that does something is not asked.
    const found = await this.#client.send('Runtime.evaluate', {
      expression: `Object(${expression})`,
      throwOnSideEffect: true,
      silent: true,
      timeout: COMPLETION_LIMIT_MS,
      objectGroup: GROUP,
      replMode: true,
    });
    const { objectId } = objectOf(found['result']);
    if (found['exceptionDetails'] !== undefined || objectId === undefined) return [];
    return textsOf(await this.#call(objectId, NAMES));
  }

  #run(expression: string): Promise<Record<string, unknown>> {
    return this.#client.send('Runtime.evaluate', {
      expression,
      replMode: !this.isStuck,
      awaitPromise: !this.isStuck,
      objectGroup: GROUP,
      timeout: RUN_LIMIT_MS,
    });
  }

  async #outcomeOf(answer: Record<string, unknown>): Promise<Outcome> {
    const details = answer['exceptionDetails'];
    const result = objectOf(answer['result']);
    if (details === undefined)
      return { kind: 'value', text: await this.#show(result), isUndefined: result['type'] === 'undefined' };
    const message = incompleteMessage(answer);
    if (message !== undefined) return { kind: 'incomplete', message };
    const { exception, text } = objectOf(details);
    if (exception === undefined) return { kind: 'thrown', text: textOf(text) };
    return { kind: 'thrown', text: `Uncaught ${await this.#show(objectOf(exception))}` };
  }

  async #show(value: Record<string, unknown>): Promise<string> {
    const { objectId, type, description, unserializableValue } = value;
    if (type === 'symbol') return textOf(description);
    if (objectId !== undefined) {
      const options = { colors: this.#colors, depth: 2 };
      const shown = await this.#call(objectId, INSPECT, [options]);
      return typeof shown === 'string' ? shown : textOf(description);
    }
    if (type === 'undefined') return 'undefined';
    if (type === 'string') return quote(textOf(value['value']));
    return textOf(unserializableValue) || textOf(description) || String(value['value']);
  }

  async #call(
    objectId: unknown,
    functionDeclaration: string,
    values: readonly unknown[] = [],
  ): Promise<unknown> {
    try {
      const answer = await this.#client.send('Runtime.callFunctionOn', {
        objectId,
        functionDeclaration,
        arguments: values.map((value) => ({ value })),
        returnByValue: true,
        silent: true,
      });
      return answer['exceptionDetails'] === undefined ? objectOf(answer['result'])['value'] : undefined;
    } catch (error) {
      if (error instanceof ProtocolError) return undefined;
      throw error;
    }
  }
}

function quote(text: string): string {
  return text.includes("'")
    ? JSON.stringify(text)
    : `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"')}'`;
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}

function errorOf(answer: Record<string, unknown>): { className: string; message: string } {
  const exception = objectOf(objectOf(answer['exceptionDetails'])['exception']);
  const [message = ''] = textOf(exception['description']).split('\n');
  return { className: textOf(exception['className']), message };
}

function isSyntaxError(answer: Record<string, unknown>): boolean {
  return errorOf(answer).className === 'SyntaxError';
}

/** V8's words for code that ends too early. */
const TOO_EARLY =
  /^SyntaxError: (?:Unexpected end of input|Unterminated template literal|missing \) after argument list|Unterminated regular expression: missing|Unexpected token '<EOF>')/;

function incompleteMessage(answer: Record<string, unknown>): string | undefined {
  const { className, message } = errorOf(answer);
  return className === 'SyntaxError' && TOO_EARLY.test(message) ? message : undefined;
}
