// /dev/serial/by-id and /dev/serial/by-path: links to serial adapters on USB by names that stay, kept as adapters come and go.

import { mkdirSync, readdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { describeError } from '../../describe-error.ts';
import type { Sys } from '../../sys/sys.ts';
import type { UeventFeed } from '../uevents/uevent-feed.ts';
import { adapterNames } from './adapter-names.ts';

const TERMINALS = '/sys/class/tty';
const IS_TERMINAL = /\/tty\/[^/]+$/;
const DIRECTORY = '/dev/serial';
/** Of the paths in /sys of what is plugged in there. */
const ON_USB = /\/usb\d+\//;

export interface AdapterLinksOptions {
  sys: Sys;
  uevents: UeventFeed;
  warn: (text: string) => void;
}

export class AdapterLinks {
  readonly #sys: Sys;
  readonly #uevents: UeventFeed;
  readonly #warn: (text: string) => void;
  /** Target by path. */
  #links = new Map<string, string>();

  constructor({ sys, uevents, warn }: AdapterLinksOptions) {
    this.#sys = sys;
    this.#uevents = uevents;
    this.#warn = warn;
  }

  start(): void {
    // First, so that what comes meanwhile is not missed.
    this.#uevents.follow({
      onEvent: ({ path }) => {
        if (ON_USB.test(path) && IS_TERMINAL.test(path)) this.#renew();
      },
      onLoss: () => this.#renew(),
    });
    this.#renew();
  }

  #renew(): void {
    const wanted = this.#wanted();
    for (const [path, target] of this.#links) {
      if (wanted.get(path) !== target) rmSync(this.#sys.path(path), { force: true });
    }
    const made = [...wanted].filter(
      ([path, target]) => this.#links.get(path) === target || this.#link(path, target),
    );
    this.#links = new Map(made);
  }

  #wanted(): Map<string, string> {
    const wanted = new Map<string, string>();
    for (const name of this.#terminals()) {
      const names = adapterNames(this.#sys.path(`${TERMINALS}/${name}`));
      if (names === undefined) continue;
      for (const path of [`${DIRECTORY}/by-id/${names.byId}`, `${DIRECTORY}/by-path/${names.byPath}`])
        // Of two adapters that say the same of themselves the one that came first has the name, and keeps it: what is
        // plugged in later may say so to be taken for the other.
        if (!wanted.has(path) || this.#links.get(path) === `../../${name}`) wanted.set(path, `../../${name}`);
    }
    return wanted;
  }

  /** Names of those on USB: all others are passed over by the links that lead to them, as each boot has some seventy. */
  #terminals(): string[] {
    const directory = this.#sys.path(TERMINALS);
    try {
      return readdirSync(directory)
        .filter((name) => ON_USB.test(targetOf(`${directory}/${name}`)))
        .toSorted();
    } catch {
      // A kernel without terminals.
      return [];
    }
  }

  #link(path: string, target: string): boolean {
    try {
      mkdirSync(this.#sys.path(dirname(path)), { recursive: true });
      symlinkSync(target, this.#sys.path(path));
      return true;
    } catch (error) {
      this.#warn(`Cannot make the link ${path}: ${describeError(error)}`);
      return false;
    }
  }
}

/** Of a link that is still there. */
function targetOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
