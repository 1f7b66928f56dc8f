// The last lease of each network card, on the data partition: the next boot asks for the same address again.
// Only a preference: whatever is wrong with a file or the disk, DHCP works without it. The network starts before the
// data partition is mounted (it may have to be checked or formatted first), so what is to be written waits for it.

import { readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isIpv4Address } from '../../formats/ipv4-address.ts';
import type { Lease } from './dhcp/lease.ts';
import { replaceFile } from '../replace-file.ts';

const LEASE_DIRECTORY = 'net/leases';
/** Rather seldom: nobody waits for it. */
const MOUNT_POLL_MS = 5000;

export class LeaseStore {
  readonly #mountPoint: string;
  readonly #log: (text: string) => void;
  /** Leases by MAC address, null: to be removed. They wait until the data partition is there. */
  readonly #pending = new Map<string, Lease | null>();
  #timer: NodeJS.Timeout | undefined;

  constructor(mountPoint: string, log: (text: string) => void) {
    this.#mountPoint = mountPoint;
    this.#log = log;
  }

  readAddress(mac: string): string | null {
    const pending = this.#pending.get(mac);
    if (pending !== undefined) return pending?.address ?? null;
    try {
      return storedAddress(readFileSync(this.#path(mac), 'utf8'));
    } catch {
      // No lease yet, no data partition, or a file that a power cut left empty.
      return null;
    }
  }

  /** Null: forget. */
  write(mac: string, lease: Lease | null): void {
    // Times are not stored: the clock may be anything at boot, and a renewal must not wear the flash.
    if (this.readAddress(mac) === (lease?.address ?? null)) return;
    this.#pending.set(mac, lease);
    this.#flush();
  }

  #flush(): void {
    clearTimeout(this.#timer);
    if (!this.#isMounted()) {
      this.#timer = setTimeout(() => this.#flush(), MOUNT_POLL_MS).unref();
      return;
    }
    for (const [mac, lease] of this.#pending) {
      try {
        this.#store(mac, lease);
      } catch (error) {
        this.#log(`cannot remember the lease in "${this.#path(mac)}": ${(error as Error).message}`);
      }
    }
    this.#pending.clear();
  }

  #store(mac: string, lease: Lease | null): void {
    const path = this.#path(mac);
    if (lease === null) {
      rmSync(path, { force: true });
      return;
    }
    const { address, prefixLength, server } = lease;
    replaceFile(path, `${JSON.stringify({ formatVersion: 1, address, prefixLength, server })}\n`);
  }

  /** A mount point is on another device than the directory that it lies in. */
  #isMounted(): boolean {
    const own = statSync(this.#mountPoint, { throwIfNoEntry: false });
    const parent = statSync(dirname(this.#mountPoint), { throwIfNoEntry: false });
    return own !== undefined && own.dev !== parent?.dev;
  }

  #path(mac: string): string {
    return join(this.#mountPoint, LEASE_DIRECTORY, `${mac}.json`);
  }
}

/** Throws a SyntaxError for what is no JSON. */
export function storedAddress(text: string): string | null {
  const stored = JSON.parse(text) as { address?: unknown } | null;
  const address = stored?.address;
  return typeof address === 'string' && isIpv4Address(address) ? address : null;
}
