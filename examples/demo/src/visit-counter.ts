import { readFileSync, renameSync, writeFileSync } from 'node:fs';

/** A number in a file. It is replaced as a whole, so that pulling the plug never leaves half a number. */
export class VisitCounter {
  readonly #path: string;
  #count: number;

  constructor(path: string) {
    this.#path = path;
    this.#count = readCount(path);
  }

  get count(): number {
    return this.#count;
  }

  add(): void {
    this.#count += 1;
    writeFileSync(`${this.#path}.new`, `${this.#count}\n`, { flush: true });
    renameSync(`${this.#path}.new`, this.#path);
  }
}

function readCount(path: string): number {
  try {
    return Number.parseInt(readFileSync(path, 'utf8'), 10) || 0;
  } catch {
    return 0; // The first start: there is no file yet.
  }
}
