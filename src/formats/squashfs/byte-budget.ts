// How much may be in flight at once, counted in bytes. What is larger than the whole budget passes alone.

export class ByteBudget {
  readonly #limitBytes: number;
  #inUseBytes = 0;
  #waiting: { sizeBytes: number; admit: () => void }[] = [];

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Admits in the order of the calls. */
  async acquire(sizeBytes: number): Promise<void> {
    if (this.#waiting.length === 0 && this.#fits(sizeBytes)) {
      this.#inUseBytes += sizeBytes;
      return;
    }
    await new Promise<void>((admit) => {
      this.#waiting.push({ sizeBytes, admit });
    });
  }

  release(sizeBytes: number): void {
    this.#inUseBytes -= sizeBytes;
    for (;;) {
      const first = this.#waiting[0];
      if (!first || !this.#fits(first.sizeBytes)) return;
      this.#waiting.shift();
      this.#inUseBytes += first.sizeBytes;
      first.admit();
    }
  }

  #fits(sizeBytes: number): boolean {
    return this.#inUseBytes === 0 || this.#inUseBytes + sizeBytes <= this.#limitBytes;
  }
}
