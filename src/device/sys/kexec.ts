// kexec_file_load(2): a kernel for the next start, put into memory. It reads and copies a whole kernel, for
// seconds on slow storage, so a worker thread does it: the thread that feeds the watchdog must not wait for it.

import { libcError } from './libc.ts';

/** From asm/unistd.h. */
const SYSCALL_NUMBERS: Readonly<Record<string, number>> = { x64: 320, arm64: 294 };
/** linux/kexec.h */
const KEXEC_FILE_UNLOAD = 0x1;
const KEXEC_FILE_NO_INITRAMFS = 0x4;

// A string, because each device program is one bundled file: there is no second file to start a worker from.
const WORKER_SOURCE = `
const { closeSync, openSync } = require('node:fs');
const { parentPort, workerData } = require('node:worker_threads');
const { dlopen, getInt32 } = require('node:ffi');
const { functions } = dlopen('libc.so.6', {
  syscall: { arguments: ['int64', 'int64', 'int64', 'uint64', 'buffer', 'uint64'], return: 'int64' },
  __errno_location: { arguments: [], return: 'pointer' },
});
const { number, path, cmdline, flags } = workerData;
const fd = path === null ? -1 : openSync(path, 'r');
const bytes = Buffer.from(cmdline + '\\0');
const result = functions.syscall(
  BigInt(number), BigInt(fd), -1n, BigInt(bytes.length), bytes, BigInt(flags));
const errno = Number(result) === -1 ? getInt32(functions.__errno_location(), 0) : 0;
if (fd >= 0) closeSync(fd);
parentPort.postMessage(errno);
`;

export async function loadKernel(path: string, cmdline: string): Promise<void> {
  await callKexec(path, cmdline, KEXEC_FILE_NO_INITRAMFS);
}

export async function unloadKernel(): Promise<void> {
  await callKexec(null, '', KEXEC_FILE_UNLOAD);
}

async function callKexec(path: string | null, cmdline: string, flags: number): Promise<void> {
  const number = SYSCALL_NUMBERS[process.arch];
  if (number === undefined) throw new Error(`kexec_file_load has no known number on "${process.arch}"`);
  // Needed once, and only where the firmware keeps no variables.
  const { Worker } = await import('node:worker_threads');
  const worker = new Worker(WORKER_SOURCE, { eval: true, workerData: { number, path, cmdline, flags } });
  const errno = await new Promise<number>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  if (errno !== 0) throw libcError('kexec_file_load', errno);
}
