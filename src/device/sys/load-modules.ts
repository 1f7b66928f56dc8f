// finit_module(2). A module may take seconds to come up, or never do, so a worker thread does it: the thread that feeds the
// watchdog must not wait for it.

import { libcError } from './libc.ts';
import { ownSyscallNumber } from './own-syscall.ts';
import type { ModuleFailure, ModuleToLoad } from './sys.ts';

/** linux/module.h: the kernel inflates the file. */
const MODULE_INIT_COMPRESSED_FILE = 4;

// A string, for the reason that kexec.ts has. Each module's number goes out before its turn, so that whoever waits in vain
// knows for which.
const WORKER_SOURCE = `
const { closeSync, openSync } = require('node:fs');
const { parentPort, workerData } = require('node:worker_threads');
const { constants } = require('node:os');
const { dlopen, getInt32 } = require('node:ffi');
const { functions } = dlopen('libc.so.6', {
  syscall: { arguments: ['int64', 'int64', 'buffer', 'int64'], return: 'int64' },
  __errno_location: { arguments: [], return: 'pointer' },
});
function load({ path, parameters, flags }) {
  let fd;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    return -error.errno;
  }
  const text = Buffer.from(parameters + '\\0');
  const result = Number(functions.syscall(BigInt(workerData.number), BigInt(fd), text, BigInt(flags)));
  const errno = result === 0 ? 0 : getInt32(functions.__errno_location(), 0);
  closeSync(fd);
  return errno === constants.errno.EEXIST ? 0 : errno;
}
let errno = 0;
for (let index = 0; index < workerData.modules.length && errno === 0; index++) {
  parentPort.postMessage({ index });
  errno = load(workerData.modules[index]);
}
parentPort.postMessage({ errno });
`;

type Message = { index: number } | { errno: number };

/** In this order, until one fails. One that is there already has not failed. */
export async function loadModules(
  modules: readonly ModuleToLoad[],
  timeLimitMs: number,
): Promise<ModuleFailure | undefined> {
  const number = ownSyscallNumber('finit_module');
  // Workers are needed only where there is a module to load.
  const { Worker } = await import('node:worker_threads');
  const worker = new Worker(WORKER_SOURCE, {
    eval: true,
    workerData: {
      number,
      modules: modules.map(({ path, parameters, isPacked }) => ({
        path,
        parameters,
        flags: isPacked ? MODULE_INIT_COMPRESSED_FILE : 0,
      })),
    },
  });
  let index = 0;
  return new Promise((resolve, reject) => {
    const fail = (code: string): void => resolve({ path: modules[index]?.path ?? '', code });
    // The thread stays where it hangs: nothing ends a system call that does not want to end.
    const timer = setTimeout(() => fail('ETIMEDOUT'), timeLimitMs);
    worker.unref();
    worker.once('error', reject);
    worker.on('message', (message: Message) => {
      if ('index' in message) {
        ({ index } = message);
        return;
      }
      clearTimeout(timer);
      if (message.errno === 0) resolve(undefined);
      else fail(libcError('finit_module', message.errno).code ?? '');
    });
  });
}
