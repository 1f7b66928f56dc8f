// kexec_file_load(2): a kernel for the next start, put into memory. It reads and copies a whole kernel, for
// seconds on slow storage, so a worker thread does it: the thread that feeds the watchdog must not wait for it.

import { libcError } from './libc.ts';
import { ownSyscallNumber } from './own-syscall.ts';
import type { KernelImage } from './sys.ts';

/** linux/kexec.h */
const KEXEC_FILE_UNLOAD = 0x1;
const KEXEC_FILE_NO_INITRAMFS = 0x4;
/** The kernel wants a file. Mounting the boot partition would do, but a mount can outlive its end in other namespaces. */
const COPY = '/run/tsk/next-kernel';

// A string, because each device program is one bundled file: there is no second file to start a worker from. One
// buffer for all of it: an arm64 kernel has 59 MB, and as garbage they would be there when memory is needed most.
const WORKER_SOURCE = `
const { closeSync, openSync, readSync, rmSync, writeSync } = require('node:fs');
const { parentPort, workerData } = require('node:worker_threads');
const { dlopen, getInt32 } = require('node:ffi');
const { functions } = dlopen('libc.so.6', {
  syscall: { arguments: ['int64', 'int64', 'int64', 'uint64', 'buffer', 'uint64'], return: 'int64' },
  __errno_location: { arguments: [], return: 'pointer' },
});
function copy({ device, extents }, path) {
  const [from, to] = [openSync(device, 'r'), openSync(path, 'w', 0o600)];
  const buffer = Buffer.allocUnsafeSlow(1024 * 1024);
  for (const { offsetBytes, lengthBytes } of extents) {
    for (let done = 0; done < lengthBytes;) {
      const wanted = Math.min(buffer.length, lengthBytes - done);
      const length = readSync(from, buffer, 0, wanted, offsetBytes + done);
      if (length === 0 || writeSync(to, buffer, 0, length) !== length) throw new Error('Cannot copy the kernel');
      done += length;
    }
  }
  closeSync(from);
  closeSync(to);
}
const { number, image, path, cmdline, flags } = workerData;
let fd = -1;
try {
  if (image !== null) {
    copy(image, path);
    fd = openSync(path, 'r');
  }
} finally {
  // What is open stays.
  rmSync(path, { force: true });
}
const bytes = Buffer.from(cmdline + '\\0');
const result = functions.syscall(
  BigInt(number), BigInt(fd), -1n, BigInt(bytes.length), bytes, BigInt(flags));
const errno = Number(result) === -1 ? getInt32(functions.__errno_location(), 0) : 0;
if (fd >= 0) closeSync(fd);
parentPort.postMessage(errno);
`;

export async function loadKernel(image: KernelImage, cmdline: string): Promise<void> {
  await callKexec(image, cmdline, KEXEC_FILE_NO_INITRAMFS);
}

export async function unloadKernel(): Promise<void> {
  await callKexec(null, '', KEXEC_FILE_UNLOAD);
}

async function callKexec(image: KernelImage | null, cmdline: string, flags: number): Promise<void> {
  const number = ownSyscallNumber('kexec_file_load');
  // Workers are needed once, and only where the firmware keeps no variables.
  const { Worker } = await import('node:worker_threads');
  const worker = new Worker(WORKER_SOURCE, {
    eval: true,
    workerData: { number, image, path: COPY, cmdline, flags },
  });
  const errno = await new Promise<number>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  if (errno !== 0) throw libcError('kexec_file_load', errno);
}
