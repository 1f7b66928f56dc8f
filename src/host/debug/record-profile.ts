// Profiles of a running app: where its processor time goes, and what its heap holds.

import { open, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../user-error.ts';
import { megabytes } from '../progress.ts';
import { InspectorClient } from './inspector-client.ts';
import { objectOf, textOf } from './loose-values.ts';
import type { OpenInspector } from './open-inspector.ts';

/** More than any app of a device has; an app that sends without end is stopped here. */
const MAX_HEAP_SNAPSHOT_BYTES = 4 * 1024 * 1024 * 1024;

/**
 * Of what is in use; measured with Node.js 26: an empty app of 4.8 MB took 51 MB, 38.6 MB of small objects 579 MB. Long strings
 * take far less, but nobody can say before how many objects there are.
 */
const SNAPSHOT_FACTOR = 15;
/** Within the limit of its cgroup, where it has one. */
const AVAILABLE = 'process.availableMemory()';

export interface RecordedProfile {
  bytes: number;
}

/** Writes a `.cpuprofile` of what the app does for so long. */
export async function recordCpu(
  inspector: OpenInspector,
  path: string,
  {
    forMs,
    map,
    signal,
  }: { forMs: number; map: (profile: Record<string, unknown>) => object; signal: AbortSignal },
): Promise<RecordedProfile> {
  return withClient(inspector, async (client) => {
    await client.send('Profiler.enable');
    await client.send('Profiler.start');
    // Without a reference: the connection keeps this process, and once that is gone nobody is to wait for the rest of the time.
    await orEnd(inspector, sleep(forMs, undefined, { signal, ref: false }));
    const { profile } = await orEnd(inspector, client.send('Profiler.stop'));
    signal.throwIfAborted();
    const text = JSON.stringify(map(objectOf(profile)));
    await writeFile(path, text);
    return { bytes: Buffer.byteLength(text) };
  });
}

/**
 * Writes a `.heapsnapshot`. The app stands still for it, and takes more memory. Throws a UserError when it has not that much left,
 * unless `isForced`.
 */
export async function recordHeap(
  inspector: OpenInspector,
  path: string,
  { isForced, signal }: { isForced: boolean; signal: AbortSignal },
): Promise<RecordedProfile> {
  return withClient(inspector, async (client) => {
    if (!isForced) await checkRoom(client, inspector.app);
    // All that the app has in memory is in it, its secrets too.
    const file = await open(path, 'w', 0o600);
    let bytes = 0;
    let written: Promise<unknown> = Promise.resolve();
    const tooMuch = Promise.withResolvers<never>();
    tooMuch.promise.catch(() => {});
    client.on('HeapProfiler.addHeapSnapshotChunk', ({ chunk }) => {
      const piece = Buffer.from(textOf(chunk));
      bytes += piece.length;
      if (bytes > MAX_HEAP_SNAPSHOT_BYTES)
        return tooMuch.reject(new UserError('The app sends a heap snapshot without an end'));
      written = written.then(() => file.write(piece));
      // It is told when the snapshot is complete.
      written.catch(() => {});
    });
    const aborted = new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
    aborted.catch(() => {});
    try {
      await client.send('HeapProfiler.enable');
      const taken = client.send('HeapProfiler.takeHeapSnapshot', { reportProgress: false });
      await Promise.race([orEnd(inspector, taken), tooMuch.promise, aborted]);
      await written;
      return { bytes };
    } finally {
      await written.catch(() => {});
      await file.close();
    }
  });
}

/** The kernel ends an app for what it does not get, or another one. */
async function checkRoom(client: InspectorClient, app: string): Promise<void> {
  const { usedSize } = await client.send('Runtime.getHeapUsage');
  const asked = await client.send('Runtime.evaluate', {
    expression: AVAILABLE,
    returnByValue: true,
    silent: true,
  });
  const { value: available } = objectOf(asked['result']);
  // An app without a word of it has changed `process`; who looks into it knows better.
  if (typeof usedSize !== 'number' || typeof available !== 'number') return;
  const needed = SNAPSHOT_FACTOR * usedSize;
  if (needed <= available) return;
  const [heap, most, left] = [usedSize, needed, available].map(megabytes);
  throw new UserError(
    `Cannot take a heap snapshot of "${app}": its heap has ${heap}, so that it takes up to ${most} besides, and the app has ${left} left`,
    {
      hint: 'Give it more "memory" in tskrazy.json, stop other apps, or take the risk that it is killed with --force. "--cpu" needs little.',
    },
  );
}

async function withClient<T>(
  inspector: OpenInspector,
  use: (client: InspectorClient) => Promise<T>,
): Promise<T> {
  const client = await InspectorClient.open(await inspector.connect(), inspector.target);
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

/** Rejects when the app or the device goes before. */
async function orEnd<T>({ app, ended }: OpenInspector, work: Promise<T>): Promise<T> {
  const gone = ended.then((reason): never => {
    throw new UserError(`Cannot profile "${app}" to the end: ${reason}`);
  });
  return Promise.race([work, gone]);
}
