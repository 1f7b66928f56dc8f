// What init itself has to say: to the console, and kept in a ring like every service's log.

import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { plainText } from '../../../shared/text/styled-text.ts';
import type { Sys } from '../../sys/sys.ts';
import { ConsoleWriter } from './console-writer.ts';
import { LogRing } from './log-ring.ts';

export class InitLog {
  readonly ring = new LogRing();
  readonly #sys: Sys;
  readonly #console = new ConsoleWriter();

  constructor(sys: Sys) {
    this.#sys = sys;
  }

  openConsole(): void {
    this.#console.open(this.#sys.path('/dev/console'));
  }

  say(text: string): void {
    this.ring.append('stdout', text);
    this.#initToConsole(text);
  }

  /** The time since the kernel's start stands in front, as in the kernel's own lines. A terminal may be there, so nothing steers it, colours included. */
  toConsole(line: string): void {
    const seconds = (this.#sys.uptimeMs() / 1000).toFixed(3);
    this.#console.write(`[${seconds.padStart(9)}] ${plainText(line)}`);
  }

  /** Into the kernel's log too: it reaches the console when init may not, and outlives a crash in pstore. */
  alarm(text: string): void {
    this.ring.append('stderr', text);
    try {
      const fd = openSync(this.#sys.path('/dev/kmsg'), constants.O_WRONLY);
      for (const line of text.trim().split('\n')) writeSync(fd, `<2>init: ${line.slice(0, 900)}\n`);
      closeSync(fd);
    } catch {
      this.#initToConsole(text);
    }
  }

  #initToConsole(text: string): void {
    for (const line of text.split('\n')) this.toConsole(`init: ${line}`);
  }
}
