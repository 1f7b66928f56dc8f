// The page's terminal in a break-glass session: real pseudo-terminals and real shells, which the test starts where init would.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { suite, test, type TestContext } from 'node:test';
import { readServerSentEvents } from '../../src/shared/api/server-sent-events.ts';
import {
  BREAKGLASS_API,
  type NewTerminal,
  type TerminalSize,
} from '../../src/shared/breakglass/breakglass-api.ts';
import { codeOf, Lab } from '../support/breakglass/web-lab.ts';
import { type Answer, basic } from '../support/web/http-ask.ts';
import { TEST_PASSWORD } from '../support/web/web-device.ts';

const SIZE: TerminalSize = { columns: 80, rows: 24 };

class Terminal {
  readonly lab: Lab;
  readonly shell: ChildProcess;
  readonly address: string;
  /** Whether the device has ended the view of it. */
  readonly ended: Promise<void>;
  readonly #work = new AbortController();
  #seen = '';
  #toldOfMore = Promise.withResolvers<void>();

  private constructor(lab: Lab, shell: ChildProcess, address: string) {
    this.lab = lab;
    this.shell = shell;
    this.address = address;
    this.ended = this.#follow().catch(() => {});
  }

  static async open(t: TestContext, lab: Lab): Promise<Terminal> {
    const { session, terminalKey: key } = await lab.openRightly();
    const answer = await lab.post(BREAKGLASS_API.terminals(session.id), { key, ...SIZE });
    assert.equal(answer.status, 201, answer.body);
    const { id } = answer.json() as NewTerminal;
    const [name, body] = lab.device.init.breakglass.acts.at(-1) ?? [];
    assert.equal(name, 'terminal');
    const { number } = body as { number: number };
    const script = `exec <>/dev/pts/${number} >&0 2>&0; PS1=ready: exec sh -i`;
    const shell = spawn('sh', ['-c', script], { detached: true, stdio: 'ignore' });
    t.after(() => shell.kill('SIGKILL'));
    return new Terminal(lab, shell, BREAKGLASS_API.terminal(session.id, id));
  }

  async shows(text: string): Promise<void> {
    while (!this.#seen.includes(text)) await this.#toldOfMore.promise;
    this.#seen = this.#seen.slice(this.#seen.indexOf(text) + text.length);
  }

  type(text: string): Promise<Answer> {
    return this.lab.post(`${this.address}/input`, { text });
  }

  /** As a tab that is closed. */
  leave(): void {
    this.#work.abort();
  }

  async #follow(): Promise<void> {
    const { body, status } = await fetch(`${this.lab.device.url}${this.address}`, {
      headers: { Authorization: String(basic(TEST_PASSWORD)['Authorization']) },
      signal: this.#work.signal,
    });
    assert.equal(status, 200);
    assert.ok(body);
    const decoder = new TextDecoderStream();
    for await (const { event, data } of readServerSentEvents(body.pipeThrough(decoder))) {
      if (event !== 'output') continue;
      this.#seen += Buffer.from(JSON.parse(data) as string, 'base64').toString();
      this.#toldOfMore.resolve();
      this.#toldOfMore = Promise.withResolvers();
    }
  }
}

suite('break-glass, the terminal of the page', () => {
  test('a shell has it for its terminal: size, Ctrl-C, job control, and its end', async (t) => {
    const terminal = await Terminal.open(t, await Lab.start(t));
    await terminal.shows('ready:');
    await terminal.type('stty size; tty\r');
    await terminal.shows('24 80');
    await terminal.shows('/dev/pts/');
    const { status } = await terminal.lab.post(`${terminal.address}/size`, { columns: 132, rows: 50 });
    assert.equal(status, 204);
    await terminal.type('stty size\r');
    await terminal.shows('50 132');
    // By what it says itself, and not by the echo, it has the terminal: before that Ctrl-C would be for the shell.
    await terminal.type(`sh -c 'echo asle""ep; exec sleep 1000'\r`);
    await terminal.shows('asleep');
    await terminal.type('\x03');
    await terminal.shows('ready:');
    // A signal that comes before the new process has got rid of what an interactive shell ignores would be lost.
    await terminal.type(`sh -c 'echo be""hind; exec sleep 1000' &\r`);
    await terminal.shows('behind');
    await terminal.type('jobs; kill %1; wait; echo "gr\u00fc\u00df\u{1f600}"\r');
    await terminal.shows('Running');
    await terminal.shows('\ngr\u00fc\u00df\u{1f600}');
    const exited = once(terminal.shell, 'exit');
    await terminal.type('exit 3\r');
    assert.deepEqual(await exited, [3, null]);
    await terminal.ended;
    assert.equal(codeOf(await terminal.type('x')), 'breakglass-ended');
  });

  test('a page that goes takes the shell with it; more output than it reads is not piled up', async (t) => {
    const terminal = await Terminal.open(t, await Lab.start(t));
    await terminal.shows('ready:');
    await terminal.type('seq 200000\r');
    await terminal.shows('\n200000\r\n');
    const exited = once(terminal.shell, 'exit');
    terminal.leave();
    await exited;
  });

  test('input that nobody reads waits, keeps nothing else waiting, and has a bound', async (t) => {
    const terminal = await Terminal.open(t, await Lab.start(t));
    await terminal.shows('ready:');
    await terminal.type('stty raw -echo; echo stuck; exec sleep 1000\r');
    await terminal.shows('stuck\n');
    const answers: number[] = [];
    const all = Array.from({ length: 200 }, async () => {
      answers.push((await terminal.type('x'.repeat(1000))).status);
    });
    while (!answers.includes(503)) await new Promise((resolve) => setImmediate(resolve));
    assert.equal((await terminal.lab.post(`${terminal.address}/size`, SIZE)).status, 204);
    terminal.leave();
    await Promise.all(all);
  });

  test('the password alone opens none, and nobody sees the terminal of another', async (t) => {
    const lab = await Lab.start(t);
    const { session, terminalKey = '' } = await lab.openRightly();
    assert.match(terminalKey, /^[\w-]{43}$/);
    const path = BREAKGLASS_API.terminals(session.id);
    for (const [body, code] of [
      [{ key: 'x'.repeat(43), ...SIZE }, 'wrong-terminal-key'],
      [SIZE, 'malformed'],
      [{ key: terminalKey, columns: 0, rows: 24 }, 'malformed'],
      [{ key: terminalKey, columns: 1001, rows: 24 }, 'malformed'],
    ] as const)
      assert.equal(codeOf(await lab.post(path, body)), code);
    // Without a permit nobody is told the key, not even who sends the toolbox.
    for (const answer of [await lab.get(BREAKGLASS_API.session), await lab.sendToolbox(session.id)])
      assert.ok(!answer.body.includes(terminalKey) && answer.status === 200, answer.body);
    assert.ok(!lab.device.init.breakglass.acts.some(([name]) => name === 'terminal'));
    const other = BREAKGLASS_API.terminal(session.id, '0'.repeat(32));
    assert.equal(codeOf(await lab.get(other)), 'breakglass-ended');
    assert.equal((await lab.post(path, { key: terminalKey, ...SIZE }, 'http://evil.example')).status, 403);
    const terminal = await Terminal.open(t, lab);
    await terminal.shows('ready:');
    assert.equal(codeOf(await lab.get(terminal.address)), 'busy');
    terminal.leave();
  });
});
