import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { autoDetect } from '@serialport/bindings-cpp';

export interface SerialPort {
  path: string;
  /** What the port said when it was opened: its control lines, or why it could not be. */
  state: string;
}

const binding = autoDetect();

/**
 * The serial ports of this device. (The binding's own `list()` asks the program `udevadm`, which an appliance
 * does not have; the kernel says the same in /sys.)
 */
export async function listSerialPorts(): Promise<SerialPort[]> {
  const consolePort = consoleName();
  const names = readdirSync('/sys/class/tty').filter(hasHardware);
  return Promise.all(
    names.map(async (name) => ({
      path: `/dev/${name}`,
      state: name === consolePort ? 'the console of this device' : await probe(`/dev/${name}`),
    })),
  );
}

/** The kernel keeps names ready for ports that are not there: without a driver, or of type 0. */
function hasHardware(name: string): boolean {
  const directory = `/sys/class/tty/${name}`;
  if (!existsSync(`${directory}/device/driver`)) return false;
  const type = `${directory}/type`;
  return !existsSync(type) || readFileSync(type, 'utf8').trim() !== '0';
}

async function probe(path: string): Promise<string> {
  try {
    const port = await binding.open({ path, baudRate: 9600 });
    const lines = await port.get();
    await port.close();
    return Object.entries(lines)
      .map(([name, isSet]) => `${name} ${isSet ? 'on' : 'off'}`)
      .join(', ');
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Setting another speed on the console would garble what the kernel prints there. */
function consoleName(): string | undefined {
  return readFileSync('/sys/class/tty/console/active', 'utf8').trim().split(' ').at(-1);
}
