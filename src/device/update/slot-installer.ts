// contract, to be replaced
import type { ByteDevice, ByteSource } from '../../formats/byte-source.ts';
import type { Manifest } from '../../shared/manifest.ts';
import type { Slot } from '../../shared/slots.ts';

/** The partitions of a device as an update sees them. */
export interface UpdateDisk {
  /** Slot that must not be written: it runs, or is what the device falls back to. */
  source: Slot;
  target: Slot;
  /** p1. `flush` reaches the medium. */
  boot: ByteDevice;
  sourceRoot: ByteSource;
  /** The whole partition of the target's root. `flush` reaches the medium. */
  targetRoot: ByteDevice;
  /** From now on reads of `boot` and `targetRoot` come from the medium and not from the page cache. */
  dropCaches(): Promise<void>;
}

export interface InstallProgress {
  phase: 'root' | 'boot files' | 'check';
  doneBytes: number;
  totalBytes: number;
}

export interface InstallOptions {
  disk: UpdateDisk;
  manifest: Manifest;
  /** As they go into the slot's boot directory. */
  manifestBytes: Uint8Array;
  signatureBytes: Uint8Array;
  signal?: AbortSignal;
}

export interface SlotInstaller {
  /** Numbers of chunks (UpdateOffer) that are nowhere on this device. */
  missing(): readonly number[];
  /** Puts one chunk where it belongs, or aside. Throws ChunkError when it is not chunk `index` of the manifest. */
  receive(index: number, bytes: Uint8Array): Promise<void>;
  /** Completes the slot, reads everything back from the medium and checks it. Throws when it is not what the manifest says. */
  install(
    report: (progress: InstallProgress) => void,
  ): Promise<{ writtenBytes: number; reusedBytes: number }>;
}
