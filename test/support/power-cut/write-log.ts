// What a virtual machine wrote to its disk, in order and with its flushes: the log of QEMU's block driver
// "blklogwrites", whose format is that of Linux's dm-log-writes (drivers/md/dm-log-writes.c):
//
//   sector 0, little-endian:  0 8 magic   8 8 version (1)   16 8 number of entries   24 4 sector size
//   each entry, a sector:     0 8 sector  8 8 number of sectors   16 8 flags   24 8 length of the data
//   then its sectors, unless it is a discard
//
// QEMU logs a request when it is done. So what stands before a flush was on its way when the flush ended, and was
// written when it was asked for by somebody who waits for one before he asks for the other, as updates do.

import { closeSync, openSync, readSync, writeFileSync } from 'node:fs';

const MAGIC = 0x6a736677736872n;
const SECTOR_BYTES = 512;
const FLAG = { flush: 1n, fua: 2n, discard: 4n, mark: 8n } as const;

export type LogEntry = LoggedWrite | LoggedDiscard | { kind: 'flush'; endOfLogBytes: number };

export interface LoggedWrite {
  kind: 'write';
  offsetBytes: number;
  lengthBytes: number;
  /** Size of the log with this entry as the last: entries in the order of time, told from outside. */
  endOfLogBytes: number;
}

export interface LoggedDiscard extends Omit<LoggedWrite, 'kind'> {
  kind: 'discard';
}

/**
 * Begins a log, and gives arguments that make QEMU record in it what is written to the drive "disk". Each QEMU goes on where
 * the one before has ended: a machine without firmware has one for each of its starts.
 */
export function recordingArguments(logPath: string): string[] {
  const superblock = new Uint8Array(SECTOR_BYTES);
  const view = viewOf(superblock);
  view.setBigUint64(0, MAGIC, true);
  view.setBigUint64(8, 1n, true);
  view.setUint32(24, SECTOR_BYTES, true);
  writeFileSync(logPath, superblock);
  return [
    ['-set', 'drive.disk.format=blklogwrites'],
    ['-set', 'drive.disk.log-append=on'],
    ['-set', 'drive.disk.log.driver=file'],
    ['-set', `drive.disk.log.filename=${logPath}`],
  ].flat();
}

export class WriteLog {
  readonly entries: readonly LogEntry[];
  readonly #fd: number;

  private constructor(fd: number, entries: readonly LogEntry[]) {
    this.#fd = fd;
    this.entries = entries;
  }

  /**
   * Of a machine that has ended. What came after its last flush may be missing. `endBytes`: only what was written
   * while the log was not larger.
   */
  static open(path: string, endBytes = Infinity): WriteLog {
    const fd = openSync(path, 'r');
    try {
      return new WriteLog(
        fd,
        readEntries(fd).filter((entry) => entry.endOfLogBytes <= endBytes),
      );
    } catch (cause) {
      closeSync(fd);
      throw new Error(`Cannot read the write log "${path}"`, { cause });
    }
  }

  /** What was written. */
  dataOf(write: LoggedWrite): Uint8Array {
    return readExactly(this.#fd, write.endOfLogBytes - write.lengthBytes, write.lengthBytes);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

function readEntries(fd: number): LogEntry[] {
  const superblock = viewOf(readExactly(fd, 0, SECTOR_BYTES));
  if (superblock.getBigUint64(0, true) !== MAGIC)
    throw new SyntaxError('it has not the magic of dm-log-writes');
  const version = superblock.getBigUint64(8, true);
  const sectorBytes = superblock.getUint32(24, true);
  if (version !== 1n || sectorBytes !== SECTOR_BYTES) {
    throw new SyntaxError(`it has version ${version} and sectors of ${sectorBytes} bytes`);
  }
  const count = Number(superblock.getBigUint64(16, true));
  const entries: LogEntry[] = [];
  for (let position = SECTOR_BYTES, i = 0; i < count; i++) {
    const added = decodeEntry(viewOf(readExactly(fd, position, SECTOR_BYTES)), position + SECTOR_BYTES);
    entries.push(...added);
    position = added.at(-1)?.endOfLogBytes ?? position + SECTOR_BYTES;
  }
  return entries;
}

/** More than one where a write brings its own flushes: "flush" asks for one before, "fua" for one after it. */
function decodeEntry(view: DataView, dataOffset: number): LogEntry[] {
  const offsetBytes = Number(view.getBigUint64(0, true)) * SECTOR_BYTES;
  const lengthBytes = Number(view.getBigUint64(8, true)) * SECTOR_BYTES;
  const flags = view.getBigUint64(16, true);
  if (flags & FLAG.mark) return [];
  const flushBefore: LogEntry[] = flags & FLAG.flush ? [{ kind: 'flush', endOfLogBytes: dataOffset }] : [];
  if (lengthBytes === 0) return flushBefore;
  if (flags & FLAG.discard) {
    return [...flushBefore, { kind: 'discard', offsetBytes, lengthBytes, endOfLogBytes: dataOffset }];
  }
  const endOfLogBytes = dataOffset + lengthBytes;
  const write: LogEntry = { kind: 'write', offsetBytes, lengthBytes, endOfLogBytes };
  return [...flushBefore, write, ...(flags & FLAG.fua ? [{ kind: 'flush' as const, endOfLogBytes }] : [])];
}

function readExactly(fd: number, position: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length;) {
    const read = readSync(fd, bytes, done, length - done, position + done);
    if (read === 0) throw new RangeError(`it ends after ${position + done} bytes`);
    done += read;
  }
  return bytes;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
