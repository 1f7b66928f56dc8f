// What a Raspberry Pi's firmware says of its power supply, and of what it does about voltage and heat. It knows what is now;
// of what was it tells little, because the kernel's own driver has it forget every two seconds. So init looks again and
// again, and takes what that driver writes into the kernel's log.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { PowerCondition, PowerStatus } from '../../../shared/api/init-api.ts';
import type { LogLine } from '../../../shared/services/services.ts';
import type { Sys } from '../../sys/sys.ts';

const FIRMWARE = '/dev/vcio';
/** GET_THROTTLED of the firmware's properties; its argument names bits to forget. */
const GET_THROTTLED = 0x0003_0046;
const UNDER_VOLTAGE = 1 << 0;
/** The clock is held down to a limit; the processor is throttled. */
const THROTTLED = (1 << 1) | (1 << 2);
const SOFT_TEMPERATURE_LIMIT = 1 << 3;
/** The same bits, since the start or since somebody had them forgotten. */
const BEFORE_SHIFT = 16;

const HWMON = '/sys/class/hwmon';
const HWMON_NAME = 'rpi_volt';
const ALARM = 'in0_lcrit_alarm';
/** drivers/hwmon/raspberrypi-hwmon.c, and the firmware's driver before there was that. */
const IN_LOG = /\bunder-?voltage detected/i;

const LOOK_EVERY_MS = 10_000;
const WARNING =
  'The voltage of the power supply has dropped too low: use a supply and a cable that are made for this board';

export class PowerWatch {
  readonly #sys: Sys;
  readonly #warn: (text: string) => void;
  #hasFirmware: boolean;
  readonly #alarmPath: string | undefined;
  #now = 0;
  #ever = 0;
  #isTold = false;

  constructor(sys: Sys, warn: (text: string) => void) {
    this.#sys = sys;
    this.#warn = warn;
    this.#hasFirmware = existsSync(sys.path(FIRMWARE));
    this.#alarmPath = findAlarm(sys);
  }

  /** For good; nothing on a board that has neither source. */
  keepLooking(): void {
    this.#look();
    if (!this.#hasFirmware && this.#alarmPath === undefined) return;
    setInterval(() => this.#look(), LOOK_EVERY_MS).unref();
  }

  hear({ text }: LogLine): void {
    if (IN_LOG.test(text)) this.#note(UNDER_VOLTAGE);
  }

  /** null: nobody on this board tells. */
  status(): PowerStatus | null {
    this.#look();
    if (!this.#hasFirmware && this.#alarmPath === undefined) return null;
    return {
      underVoltage: this.#condition(UNDER_VOLTAGE),
      throttled: this.#hasFirmware ? this.#condition(THROTTLED) : null,
      softTemperatureLimit: this.#hasFirmware ? this.#condition(SOFT_TEMPERATURE_LIMIT) : null,
    };
  }

  #look(): void {
    const bits = this.#askFirmware() ?? this.#readAlarm();
    if (bits === undefined) return;
    this.#now = bits;
    this.#note(bits | (bits >> BEFORE_SHIFT));
  }

  #note(bits: number): void {
    this.#ever |= bits;
    if ((this.#ever & UNDER_VOLTAGE) === 0 || this.#isTold) return;
    this.#isTold = true;
    this.#warn(WARNING);
  }

  #condition(bits: number): PowerCondition {
    return { now: (this.#now & bits) !== 0, sinceStart: (this.#ever & bits) !== 0 };
  }

  /** undefined: there is no such firmware, or it does not know the question (QEMU's). It is not asked again then. */
  #askFirmware(): number | undefined {
    if (!this.#hasFirmware) return undefined;
    try {
      const bits = this.#sys.firmwareProperty(GET_THROTTLED, 0);
      this.#hasFirmware = bits !== undefined;
      return bits;
    } catch {
      this.#hasFirmware = false;
      return undefined;
    }
  }

  #readAlarm(): number | undefined {
    if (this.#alarmPath === undefined) return undefined;
    try {
      return readFileSync(this.#alarmPath, 'latin1').trim() === '1' ? UNDER_VOLTAGE : 0;
    } catch {
      return undefined;
    }
  }
}

function findAlarm(sys: Sys): string | undefined {
  const directory = sys.path(HWMON);
  if (!existsSync(directory)) return undefined;
  const paths = readdirSync(directory).map((name) => `${directory}/${name}`);
  const path = paths.find((each) => {
    const file = `${each}/name`;
    return existsSync(file) && readFileSync(file, 'latin1').trim() === HWMON_NAME;
  });
  return path === undefined || !existsSync(`${path}/${ALARM}`) ? undefined : `${path}/${ALARM}`;
}
