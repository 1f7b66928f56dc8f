// The last lease of each network card, on the data partition: the next boot asks for the same address again.
// Only a preference: whatever is wrong with a file or the disk, DHCP works without it.

import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isIpv4Address } from '../../formats/ipv4-address.ts';
import type { Lease } from './dhcp/lease.ts';
import { replaceFile } from './replace-file.ts';

export class LeaseStore {
  readonly #directory: string;
  readonly #log: (text: string) => void;

  constructor(directory: string, log: (text: string) => void) {
    this.#directory = directory;
    this.#log = log;
  }

  readAddress(mac: string): string | null {
    try {
      const stored = JSON.parse(readFileSync(this.#path(mac), 'utf8')) as { address?: unknown };
      return typeof stored.address === 'string' && isIpv4Address(stored.address) ? stored.address : null;
    } catch {
      // No lease yet, no data partition, or a file that a power cut left empty.
      return null;
    }
  }

  /** Times are left out: the clock may be anything at boot, and a renewal must not wear the flash. */
  write(mac: string, { address, prefixLength, server }: Lease): void {
    if (this.readAddress(mac) === address) return;
    this.#attempt('remember', mac, () => {
      const stored = { formatVersion: 1, address, prefixLength, server };
      replaceFile(this.#path(mac), `${JSON.stringify(stored)}\n`);
    });
  }

  remove(mac: string): void {
    this.#attempt('forget', mac, () => rmSync(this.#path(mac), { force: true }));
  }

  #attempt(verb: string, mac: string, change: () => void): void {
    try {
      change();
    } catch (error) {
      this.#log(`cannot ${verb} the lease in "${this.#path(mac)}": ${(error as Error).message}`);
    }
  }

  #path(mac: string): string {
    return join(this.#directory, `${mac}.json`);
  }
}
