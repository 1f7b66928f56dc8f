// How far an installation is, as its client hears of it.

import { type ByteSource, readInto } from '../../formats/byte-source.ts';

export interface InstallProgress {
  phase: 'root' | 'boot files' | 'check';
  doneBytes: number;
  totalBytes: number;
}

/** Says how far a phase is, each time that so many bytes more are done. */
export function progressOf(
  phase: InstallProgress['phase'],
  totalBytes: number,
  report: (progress: InstallProgress) => void,
): (lengthBytes: number) => void {
  let doneBytes = 0;
  return (lengthBytes) => {
    doneBytes += lengthBytes;
    report({ phase, doneBytes, totalBytes });
  };
}

/** Reads through it are told, with how many bytes they were. */
export function whenRead(content: ByteSource, onRead: (lengthBytes: number) => void): ByteSource {
  return {
    sizeBytes: content.sizeBytes,
    async read(offsetBytes, lengthBytes) {
      const bytes = await content.read(offsetBytes, lengthBytes);
      onRead(bytes.length);
      return bytes;
    },
    async readInto(offsetBytes, target) {
      await readInto(content, offsetBytes, target);
      onRead(target.length);
    },
  };
}
