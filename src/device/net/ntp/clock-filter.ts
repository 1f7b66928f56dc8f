// The last samples of one server, of which the most exact one counts (RFC 5905 section 10): a packet that waited in a
// queue on its way says little about the time.

import { distanceMs, type Sample } from './sample.ts';

const SIZE = 8;

export class ClockFilter {
  #samples: Sample[] = [];

  add(sample: Sample): void {
    this.#samples = [...this.#samples, sample].slice(-SIZE);
  }

  /** The clock has been corrected by so much, or is about to be: samples from before lack so much less. */
  correct(correctionMs: number): void {
    this.#samples = this.#samples.map((sample) => ({ ...sample, offsetMs: sample.offsetMs - correctionMs }));
  }

  clear(): void {
    this.#samples = [];
  }

  best(nowMs: number): Sample | undefined {
    return this.#samples.toSorted((a, b) => distanceMs(a, nowMs) - distanceMs(b, nowMs))[0];
  }
}
