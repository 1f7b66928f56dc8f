// tskrazy/app/gpio: lines of a Raspberry Pi's 40-pin header. On the device over the kernel's GPIO character device, found by
// what the header's chip is called, so that a line has the same number on every model; anywhere else a simulation.
//
// I2C, SPI and serial ports are not in here: packages of npm have them (docs/hardware.md).

import { DeviceGpio } from './device-gpio.ts';
import { linuxKernel } from './kernel.ts';
import { SimulatedGpio, type Wires } from './simulated-gpio.ts';
import type { Gpio, Input, InputOptions, Output, OutputOptions } from './types.ts';

export type { Edge, EdgeOptions, Input, InputOptions, LineOptions, Output, OutputOptions } from './types.ts';
export type { Wires } from './simulated-gpio.ts';

/**
 * Whether lines are simulated: on your computer, and on a device whose app has `"env": { "TSK_GPIO": "simulated" }` (a
 * virtual machine has no header).
 */
export const isSimulated: boolean =
  process.env['TSK_SOCKET'] === undefined || process.env['TSK_GPIO'] === 'simulated';

let opened: Gpio | undefined;
const simulated = new SimulatedGpio();

function gpio(): Gpio {
  if (isSimulated) return simulated;
  return (opened ??= new DeviceGpio(linuxKernel(), process.env['TSK_SERVICE'] ?? 'app'));
}

/**
 * Opens a line to drive it. The line is `17`, `'GPIO17'`, or a name that the kernel has for it. When it is closed, or the
 * program ends, the chip makes it an input again. Throws when another program holds the line, and says which.
 *
 * @example
 * using led = output(17);
 * setInterval(() => led.toggle(), 500);
 */
export function output(line: number | string, options: OutputOptions = {}): Output {
  return gpio().output(line, options);
}

/**
 * Opens a line to read it, or to follow its edges. Nothing blocks: a thread of its own waits for edges.
 *
 * @example
 * using button = input(4, { bias: 'pull-up', activeLow: true, debounceMs: 5 });
 * for await (const { value } of button.edges()) console.log(value ? 'pressed' : 'released');
 */
export function input(line: number | string, options: InputOptions = {}): Input {
  return gpio().input(line, options);
}

/**
 * The wires of simulated lines, for tests of a program. Where there are real ones its methods throw.
 *
 * @example
 * wires.drive(4, false); // the button of the example above is pressed
 */
export const wires: Wires = {
  drive: (line, level) => simulation().drive(line, level),
  level: (line) => simulation().level(line),
};

function simulation(): Wires {
  if (!isSimulated) throw new Error('Cannot reach the wires: on this device they are real');
  return simulated;
}
