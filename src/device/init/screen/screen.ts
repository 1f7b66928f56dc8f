// Draws the state of the device on its first text console (HDMI), when it has changed, at most once a second. The kernel
// writes its messages there, too: they stay until something changes, and what init says is one such change.

import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs';
import { NET_STATUS_PATH, type NetStatus } from '../../../shared/network/net-status.ts';
import type { UpdateState } from '../../../shared/update/update-state.ts';
import { readBoard } from '../../read-board.ts';
import type { Device } from '../device/device.ts';
import { screenLines } from './screen-text.ts';

const CONSOLE = '/dev/tty1';
const LEAST_PAUSE_MS = 1000;
/** What nobody tells init of, addresses and time: they are looked at so often. */
const LOOK_EVERY_MS = 5000;

/** console_codes(4): home, then each line with the rest of it erased, then what is below. The cursor is hidden. */
const HOME = '\x1b[?25l\x1b[H';
const END_OF_LINE = '\x1b[K\r\n';
const REST = '\x1b[J';

export class Screen {
  readonly #device: Device;
  readonly #updates: () => UpdateState | null;
  readonly #fd: number;
  readonly #model: string | null;
  #shown = '';
  #timer: NodeJS.Timeout | undefined;
  #isSpoilt = false;
  readonly #stops: (() => void)[] = [];

  /** undefined: the kernel has no text console. */
  static open(device: Device, updates: () => UpdateState | null): Screen | undefined {
    try {
      const flags = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
      return new Screen(device, updates, openSync(device.sys.path(CONSOLE), flags));
    } catch {
      return undefined;
    }
  }

  private constructor(device: Device, updates: () => UpdateState | null, fd: number) {
    this.#device = device;
    this.#updates = updates;
    this.#fd = fd;
    const { sys } = device;
    this.#model = readBoard({ proc: sys.path('/proc'), sys: sys.path('/sys') }).model;
  }

  /** Until `stop`. */
  start(): void {
    const looking = setInterval(() => this.#drawSoon(), LOOK_EVERY_MS);
    looking.unref();
    this.#stops.push(
      () => clearInterval(looking),
      this.#device.supervisor.watch(() => this.#drawSoon()),
      // Lines of init go to the console, which may be this one.
      this.#device.log.ring.follow(() => {
        this.#isSpoilt = true;
        this.#drawSoon();
      }),
    );
    this.#draw();
  }

  stop(): void {
    for (const stop of this.#stops) stop();
    clearTimeout(this.#timer);
    closeSync(this.#fd);
  }

  #drawSoon(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#draw();
    }, LEAST_PAUSE_MS);
    this.#timer.unref();
  }

  #draw(): void {
    const text = screenLines({
      system: this.#device.status(),
      model: this.#model,
      tls: this.#device.config.web.tls,
      webPort: this.#device.config.web.port,
      services: this.#device.supervisor.list().map((service) => service.status()),
      network: this.#readNetwork(),
      updates: this.#updates(),
      nowMs: Date.now(),
    })
      .map((line) => line + END_OF_LINE)
      .join('');
    if (text === this.#shown && !this.#isSpoilt) return;
    this.#isSpoilt = false;
    try {
      writeSync(this.#fd, HOME + text + REST);
      this.#shown = text;
    } catch {
      // Somebody has stopped it at the keyboard: the next change is drawn.
    }
  }

  #readNetwork(): NetStatus | null {
    try {
      return JSON.parse(readFileSync(this.#device.sys.path(NET_STATUS_PATH), 'utf8')) as NetStatus;
    } catch {
      return null;
    }
  }
}
