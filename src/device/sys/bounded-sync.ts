// sync(2) and umount2(2) block for as long as the storage likes, for ever if it has died. They run in a
// worker thread, so that the thread that has to reboot the device is never the one that hangs.

const EBUSY = 16;

// A string, because each device program is one bundled file: there is no second file to start a worker from.
const WORKER_SOURCE = `
const { parentPort, workerData } = require('node:worker_threads');
const { dlopen, getInt32 } = require('node:ffi');
const { functions } = dlopen('libc.so.6', {
  sync: { arguments: [], return: 'void' },
  umount2: { arguments: ['string', 'int32'], return: 'int32' },
  __errno_location: { arguments: [], return: 'pointer' },
});
functions.sync();
let errno = 0;
for (const target of workerData) {
  if (functions.umount2(target, 0) !== 0) errno = getInt32(functions.__errno_location(), 0);
}
parentPort.postMessage(errno);
`;

export type SyncOutcome = 'done' | 'busy' | 'timed out';

export async function syncAndUnmount(targets: readonly string[], timeLimitMs: number): Promise<SyncOutcome> {
  // Workers are needed once, at the end: 1.5 MB less until then.
  const { Worker } = await import('node:worker_threads');
  const worker = new Worker(WORKER_SOURCE, { eval: true, workerData: targets });
  const finished = new Promise<SyncOutcome>((resolve, reject) => {
    worker.once('message', (errno: number) => resolve(errno === EBUSY ? 'busy' : 'done'));
    worker.once('error', reject);
  });
  let timer: NodeJS.Timeout | undefined;
  const timedOut = new Promise<SyncOutcome>((resolve) => {
    timer = setTimeout(() => resolve('timed out'), timeLimitMs);
  });
  try {
    return await Promise.race([finished, timedOut]);
  } finally {
    clearTimeout(timer);
    worker.unref();
  }
}
