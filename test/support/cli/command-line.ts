// The real command line, `tsk`, in an instance directory, as a person uses it.

import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endChildAtTheEnd } from '../at-the-end.ts';
import { TSK } from '../tsk-program.ts';

export interface Run {
  code: number;
  stdout: string;
  stderr: string;
}

export class CommandLine {
  readonly directory: string;
  readonly #bin: string;

  /** `checkout`: whose tsk it is; absent: ours. */
  constructor(directory: string, checkout?: string) {
    this.directory = directory;
    this.#bin = checkout === undefined ? TSK : join(checkout, 'bin', 'tsk.ts');
  }

  tsk(...args: string[]): Promise<Run> {
    return new Promise((resolve) => {
      const argv = [this.#bin, '-i', this.directory, ...args];
      const child = execFile(process.execPath, argv, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
      });
      endChildAtTheEnd(child);
    });
  }

  async succeeds(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.tsk(...args);
    assert.equal(code, 0, `tsk ${args.join(' ')}: ${stdout}${stderr}`);
    return stdout;
  }

  async fails(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.tsk(...args);
    assert.deepEqual([code, stdout], [1, ''], `tsk ${args.join(' ')}: ${stdout}${stderr}`);
    return stderr;
  }

  follow(...args: string[]): Follower {
    return new Follower(spawn(process.execPath, [this.#bin, '-i', this.directory, ...args]));
  }
}

/** A command that goes on until it is told to stop. */
export class Follower {
  readonly #process: ChildProcess;
  /** Its exit code, null when a signal has ended it; once all that it wrote is here. */
  readonly ended: Promise<number | null>;
  readonly #exited: Promise<unknown>;
  stdout = '';
  stderr = '';

  constructor(child: ChildProcess) {
    this.#process = child;
    endChildAtTheEnd(child);
    this.ended = once(child, 'close').then(([code]) => code as number | null);
    this.#exited = once(child, 'exit');
    child.stdout?.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
  }

  /** null while it runs. */
  get exitCode(): number | null {
    return this.#process.exitCode;
  }

  /** Until its standard output has it. */
  async shows(text: string): Promise<void> {
    while (!this.stdout.includes(text)) {
      if (this.#process.exitCode !== null) throw new Error(`Ended without it: ${this.stdout}${this.stderr}`);
      await sleep(20);
    }
  }

  async interrupt(): Promise<number | null> {
    this.#process.kill('SIGINT');
    return this.ended;
  }

  /** All of its standard input. */
  type(text: string): void {
    this.#process.stdin?.end(text);
  }

  /** As when the laptop is gone. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    // What it has started may have its output open still.
    await this.#exited;
  }
}
