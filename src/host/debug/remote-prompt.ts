// A prompt in a running app: lines of a person on one side, the app on the other. Editing, history and `.editor` are those
// of the prompt of Node.js.

import readline from 'node:readline';
import repl from 'node:repl';
import { callbackify } from 'node:util';
import { InspectorClient } from './inspector-client.ts';
import { objectOf } from './loose-values.ts';
import type { OpenInspector } from './open-inspector.ts';
import { type Outcome, RemoteEvaluation } from './remote-evaluation.ts';

export interface PromptOptions {
  input: NodeJS.ReadStream;
  output: NodeJS.WriteStream;
  /** Makes a text of the app harmless to a terminal. */
  show: (text: string) => string;
  signal: AbortSignal;
}

/** A text that is an answer already. */
class Shown {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** How a conversation has ended. */
interface Ending {
  /** Why it was over before the person left. */
  reason?: string;
  /** Whether something was thrown, of what a script has said. */
  hasThrown?: boolean;
}

export async function promptIn(inspector: OpenInspector, options: PromptOptions): Promise<Ending> {
  const { input, output } = options;
  const client = await InspectorClient.open(await inspector.connect(), inspector.target);
  const isTerminal = input.isTTY && output.isTTY;
  try {
    const evaluation = await RemoteEvaluation.begin(client, { colors: output.isTTY });
    const prompt = new Prompt(client, evaluation, options);
    const talk = isTerminal ? prompt.converse(inspector.app) : prompt.readScript();
    const ending = await Promise.race([talk, inspector.ended.then((reason) => ({ reason }))]);
    prompt.leave();
    if (!('reason' in ending)) await evaluation.end();
    return ending;
  } finally {
    client.close();
  }
}

class Prompt {
  readonly #evaluation: RemoteEvaluation;
  readonly #options: PromptOptions;
  #isBusy = false;
  #interrupt: (() => void) | undefined;
  #server: repl.REPLServer | undefined;
  /** One thing after the other, however fast it is typed. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(client: InspectorClient, evaluation: RemoteEvaluation, options: PromptOptions) {
    this.#evaluation = evaluation;
    this.#options = options;
    client.on('Runtime.consoleAPICalled', ({ args, stackTrace }) => {
      const isOurs = this.#isBusy && isTyped(stackTrace);
      if (isOurs && Array.isArray(args)) void this.#print(evaluation.showAll(args));
    });
  }

  /** Resolves when the person leaves. */
  async converse(app: string): Promise<Ending> {
    const { input, output, signal } = this.#options;
    if (this.#evaluation.isStuck)
      output.write(`${app} does not come to a pause: await does not work here, nor does let twice.\n`);
    const server = repl.start({
      prompt: `${app}> `,
      input,
      output,
      terminal: true,
      preview: false,
      // What is typed is evaluated elsewhere.
      useGlobal: true,
      writer: (value: unknown) => (value instanceof Shown ? value.text : String(value)),
      completer: callbackify((line: string) =>
        this.#evaluation.complete(line).catch((): [string[], string] => [[], line]),
      ),
      eval: callbackify(async (code: string) => {
        const outcome = await this.#answer(code);
        if (outcome.kind === 'incomplete') throw new repl.Recoverable(new SyntaxError(outcome.message));
        return new Shown(outcome.text);
      }) as unknown as repl.REPLEval,
    });
    this.#server = server;
    server.on('SIGINT', () => {
      // Nothing in the app is ended by force: it could be the app's own that just runs. What waits goes on to.
      if (this.#isBusy) this.#interrupt?.();
    });
    signal.addEventListener('abort', () => this.leave(), { once: true });
    await new Promise<void>((resolve) => void server.once('exit', resolve));
    return {};
  }

  /** Each line is answered when it is complete. */
  async readScript(): Promise<Ending> {
    const { input, output, show } = this.#options;
    let code = '';
    let last: Outcome | undefined;
    let hasThrown = false;
    for await (const line of readline.createInterface({ input })) {
      code += `${line}\n`;
      last = await this.#answer(code);
      if (last.kind === 'incomplete') continue;
      code = '';
      hasThrown ||= last.kind === 'thrown';
      if (last.kind === 'thrown' || !last.isUndefined) output.write(`${last.text}\n`);
    }
    if (last?.kind !== 'incomplete') return { hasThrown };
    output.write(`${show(last.message)}\n`);
    return { hasThrown: true };
  }

  leave(): void {
    this.#server?.close();
    this.#server = undefined;
  }

  /** Never rejects; texts are harmless. */
  async #answer(code: string): Promise<Outcome> {
    const { show } = this.#options;
    const answered = this.#queue.then(async () => {
      this.#isBusy = true;
      try {
        const interrupted = new Promise<Outcome>((resolve) => {
          this.#interrupt = () => resolve({ kind: 'thrown', text: 'Interrupted' });
        });
        return await Promise.race([this.#evaluation.evaluate(code), interrupted]);
      } finally {
        this.#isBusy = false;
      }
    });
    this.#queue = answered.catch(() => {});
    try {
      const outcome = await answered;
      return 'text' in outcome ? { ...outcome, text: show(outcome.text) } : outcome;
    } catch (error) {
      return { kind: 'thrown', text: error instanceof Error ? error.message : String(error) };
    }
  }

  async #print(text: Promise<string>): Promise<void> {
    const { output, show } = this.#options;
    await text.then((known) => output.write(`${show(known)}\n`)).catch(() => {});
  }
}

/** Of what the app writes that belongs here which was typed here: that code is of no file. The rest is in its log. */
function isTyped(stackTrace: unknown): boolean {
  const { callFrames } = objectOf(stackTrace);
  return Array.isArray(callFrames) && callFrames.some((frame) => objectOf(frame)['url'] === '');
}
