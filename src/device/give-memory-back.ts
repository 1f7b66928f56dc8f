// After bytes were carried or unpacked: V8 collects garbage when it needs room, and a device of which nobody wants anything
// would keep the buffers of a copy for days.

import { queryObjects } from 'node:v8';
import { trimHeap } from './sys/trim-heap.ts';

/** Long enough that it does not come between two commands of a script. */
const AFTER_MS = 3000;

let waiting: NodeJS.Timeout | undefined;

/** Once nobody has asked for it for a while. */
export function giveMemoryBackSoon(): void {
  waiting ??= setTimeout(giveMemoryBack, AFTER_MS).unref();
  waiting.refresh();
}

/** Takes some 50 ms of a PC's processor, in which nobody is answered. */
export function giveMemoryBack(): void {
  waiting = undefined;
  // Whoever counts objects, of whatever class, has all the garbage collected first. A function for that alone takes a flag, after
  // which Node.js compiles its builtins anew.
  queryObjects(FinalizationRegistry, { format: 'count' });
  trimHeap();
}
