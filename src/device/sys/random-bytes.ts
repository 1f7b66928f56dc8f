// Random bytes of the kernel, getrandom(2). node:crypto has them too, but it costs 1.3 MB of memory to load.

import { bindLibc } from './libc.ts';

const getrandom = bindLibc('getrandom', ['buffer', 'uint64', 'uint32']);

/** Up to 256: those come at once and complete. */
export function randomBytes(length: number): Uint8Array {
  if (length > 256) throw new RangeError(`Cannot draw ${length} random bytes: 256 at most`);
  const bytes = new Uint8Array(length);
  getrandom(bytes, BigInt(length), 0);
  return bytes;
}
