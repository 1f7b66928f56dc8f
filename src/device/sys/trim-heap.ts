// glibc's own heap, in which the buffers of Node.js lie: what is free there in the middle is given back to the kernel only when
// that is asked for (malloc_trim(3)).

import { bindLibc } from './libc.ts';

const mallocTrim = bindLibc('malloc_trim', ['uint64']);

export function trimHeap(): void {
  mallocTrim(0n);
}
