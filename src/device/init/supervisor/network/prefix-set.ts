// A set of address prefixes in the kernel, which programs look up; changed in place while they run.

import type { Bpf } from '../../../sys/bpf.ts';
import { PREFIX_KEY_BYTES, prefixKey } from './prefixes.ts';

/** Far more than a device has addresses and name servers. */
const MAX_PREFIXES = 1024;
const VALUE_BYTES = 4;

export class PrefixSet {
  readonly map: number;
  readonly #bpf: Bpf;
  /** Values by the key in hex. */
  #present: ReadonlyMap<string, number> = new Map();

  constructor(bpf: Bpf) {
    this.#bpf = bpf;
    this.map = bpf.createMap({
      kind: 'prefixes',
      keyBytes: PREFIX_KEY_BYTES,
      valueBytes: VALUE_BYTES,
      maxEntries: MAX_PREFIXES,
    });
  }

  /** Of one that is there twice the later value counts. */
  become(entries: readonly (readonly [prefix: string, value: number])[]): void {
    const wanted = new Map<string, number>();
    for (const [prefix, value] of entries) {
      const key = prefixKey(prefix);
      if (key !== undefined) wanted.set(Buffer.from(key).toString('hex'), value);
    }
    for (const key of this.#present.keys()) {
      if (!wanted.has(key)) this.#bpf.removeElement(this.map, Buffer.from(key, 'hex'));
    }
    for (const [key, value] of wanted) {
      if (this.#present.get(key) === value) continue;
      this.#bpf.putElement(this.map, Buffer.from(key, 'hex'), Uint8Array.of(value, 0, 0, 0));
    }
    this.#present = wanted;
  }
}
