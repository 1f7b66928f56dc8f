// After thousands of requests over TLS this process has 25 to 27 MiB of its own instead of 33 to 37 if V8 goes without the
// middle one of its compilers, of which the encryption is the smallest part; the requests take a tenth more of the
// processor. Without the last one, too, an update would take twice as much.

import { setFlagsFromString } from 'node:v8';

/** What is loaded has been loaded by then: after such a change Node.js compiles each builtin that it still loads anew. */
const AFTER_MS = 60_000;

export function useFewerCompilers(): void {
  setTimeout(() => setFlagsFromString('--no-maglev'), AFTER_MS).unref();
}
