// How much memory a process may keep the kernel from reclaiming (mlock(2)).

import { bindLibc } from './libc.ts';

/** asm-generic/resource.h */
const RLIMIT_MEMLOCK = 8;

const setrlimit = bindLibc('setrlimit', ['int32', 'buffer']);

/** Of this process and all that it starts from now on, but for those with CAP_IPC_LOCK. Nobody else raises it again. */
export function limitLockedMemory(bytes: number): void {
  const softAndHard = new BigUint64Array([BigInt(bytes), BigInt(bytes)]);
  setrlimit(RLIMIT_MEMLOCK, new Uint8Array(softAndHard.buffer));
}
