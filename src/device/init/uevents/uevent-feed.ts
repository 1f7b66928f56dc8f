// What the kernel announces of devices, heard once for all who want to know of it: kernel modules (modules/), links to serial
// adapters (serial/), devices of apps (supervisor/app-devices.ts). Each announcement goes to them in the order in which they
// came, so that who looks for a link comes behind who makes it.

import { parseUevent, type Uevent } from '../../../formats/uevent.ts';
import { describeError } from '../../describe-error.ts';
import type { Sys } from '../../sys/sys.ts';

export interface UeventReader {
  onEvent(uevent: Uevent): void;
  /** Announcements were lost because too many came at once: only a look at all that is there tells. */
  onLoss(): void;
}

export class UeventFeed {
  readonly #sys: Sys;
  readonly #warn: (text: string) => void;
  readonly #readers: UeventReader[] = [];

  constructor(sys: Sys, warn: (text: string) => void) {
    this.#sys = sys;
    this.#warn = warn;
  }

  /** From now on: who then looks at what is there misses nothing that comes meanwhile. Throws where nothing can be heard. */
  follow(reader: UeventReader): void {
    if (this.#readers.length === 0) this.#listen();
    this.#readers.push(reader);
  }

  #listen(): void {
    this.#sys.listenToUevents(
      (bytes) => {
        const uevent = parseUevent(bytes);
        if (uevent !== undefined) this.#tell((reader) => reader.onEvent(uevent));
      },
      () => this.#tell((reader) => reader.onLoss()),
    );
  }

  /** What one of them cannot do with it must not keep it from the others. */
  #tell(tell: (reader: UeventReader) => void): void {
    for (const reader of this.#readers) {
      try {
        tell(reader);
      } catch (error) {
        this.#warn(`Cannot follow a device that came or went: ${describeError(error)}`);
      }
    }
  }
}
