// Firmware variables through efivarfs: a file each, four bytes of attributes and then the value. Writing takes the
// firmware some 10 ms and its flash memory has few writes in it, so nothing is written that is there already.

import { existsSync } from 'node:fs';
import { open, readFile, unlink } from 'node:fs/promises';
import { constants } from 'node:fs';
import type { Sys } from '../../sys/sys.ts';

const DIRECTORY = '/sys/firmware/efi/efivars';
/** EFI_VARIABLE_NON_VOLATILE, _BOOTSERVICE_ACCESS, _RUNTIME_ACCESS */
const ATTRIBUTES = 0x1 | 0x2 | 0x4;
const ATTRIBUTES_BYTES = 4;

/** EFI_GLOBAL_VARIABLE, UEFI specification 2.10, section 3.3 */
const GLOBAL_GUID = '8be4df61-93ca-11d2-aa0d-00e098032b8c';
/** systemd.io/BOOT_LOADER_INTERFACE */
const LOADER_GUID = '4a67b082-0a4c-41cf-b6c7-440b29bb8c4f';
/** Ours. */
const TSKRAZY_GUID = '3b0a7f1e-5c2d-4e86-9a41-7d0c6be2f513';

export const globalVariable = (name: string): string => `${name}-${GLOBAL_GUID}`;
export const loaderVariable = (name: string): string => `${name}-${LOADER_GUID}`;
export const ownVariable = (name: string): string => `${name}-${TSKRAZY_GUID}`;

export class EfiVariables {
  readonly #sys: Pick<Sys, 'path' | 'clearImmutable'>;

  constructor(sys: Pick<Sys, 'path' | 'clearImmutable'>) {
    this.#sys = sys;
  }

  has(id: string): boolean {
    return existsSync(this.#path(id));
  }

  /** undefined: there is no such variable. */
  async read(id: string): Promise<Buffer | undefined> {
    try {
      const bytes = await readFile(this.#path(id));
      return bytes.subarray(ATTRIBUTES_BYTES);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** UTF-16 with a NUL, as the boot loader's are. */
  async readText(id: string): Promise<string | undefined> {
    const value = await this.read(id);
    return value?.toString('utf16le').replace(/\0.*$/s, '');
  }

  async write(id: string, value: Uint8Array): Promise<void> {
    const before = await this.read(id);
    if (before?.equals(value)) return;
    const path = this.#path(id);
    if (before !== undefined) this.#sys.clearImmutable(path);
    // The file is not truncated: each write(2) is the whole variable.
    const file = await open(path, constants.O_WRONLY | constants.O_CREAT, 0o644);
    try {
      await file.write(Buffer.concat([Uint8Array.of(ATTRIBUTES, 0, 0, 0), value]));
    } finally {
      await file.close();
    }
  }

  async writeText(id: string, text: string): Promise<void> {
    await this.write(id, Buffer.from(`${text}\0`, 'utf16le'));
  }

  async remove(id: string): Promise<void> {
    if (!this.has(id)) return;
    this.#sys.clearImmutable(this.#path(id));
    await unlink(this.#path(id));
  }

  #path(id: string): string {
    return this.#sys.path(`${DIRECTORY}/${id}`);
  }
}
