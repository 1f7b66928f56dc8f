// What a serial adapter on USB is called, whichever number the kernel gives it: by what it says of itself, and by where it
// is plugged in. As udev has it, because programs and their users know those names (systemd: rules.d/60-serial.rules,
// src/udev/udev-builtin-usb_id.c and -path_id.c, device-nodes.c).

import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname } from 'node:path';

export interface AdapterNames {
  /** `usb-ITead_Sonoff_Zigbee_3.0_USB_Dongle_Plus_1234-if00-port0` */
  byId: string;
  /** `platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.3:1.0-port0` */
  byPath: string;
}

/** `terminal`: its directory in /sys/class/tty. undefined: it is on no USB, or has just gone. */
export function adapterNames(terminal: string): AdapterNames | undefined {
  try {
    const device = realpathSync(`${terminal}/device`);
    const place = usbPlaceOf(device);
    if (place === undefined) return undefined;
    // Those of a chip with several ports, and of one that may have several, have a number each.
    const number = read(`${device}/port_number`);
    const port = number === undefined ? '' : `-port${number}`;
    const interfaceNumber = read(`${place.interface}/bInterfaceNumber`) ?? '';
    return {
      byId: `usb-${identityOf(place.device)}-if${interfaceNumber}${port}`,
      byPath: `${pathOf(place.interface)}${port}`,
    };
  } catch {
    return undefined;
  }
}

function usbPlaceOf(device: string): { interface: string; device: string } | undefined {
  for (const directory of withParents(device)) {
    if (existsSync(`${directory}/bInterfaceNumber`))
      return { interface: directory, device: dirname(directory) };
  }
  return undefined;
}

function identityOf(device: string): string {
  const vendor = nameFrom(read(`${device}/manufacturer`)) || nameFrom(read(`${device}/idVendor`));
  const product = nameFrom(read(`${device}/product`)) || nameFrom(read(`${device}/idProduct`));
  const serial = read(`${device}/serial`) ?? '';
  // Others are no numbers, but what some chips give in their place.
  const isUsable = /^[ -+\--\x7f]*$/.test(serial);
  return [vendor, product, ...(isUsable ? [nameFrom(serial)] : [])].filter((part) => part !== '').join('_');
}

/** What a terminal would obey or not show (udev keeps it) is no part of a name that people read and copy. */
function nameFrom(text = ''): string {
  return text
    .trim()
    .replaceAll(/\s+/g, '_')
    .replaceAll(/[^0-9A-Za-z#+\-.:=@_\u0080-\u{10ffff}]|\ufffd/gu, '_')
    .replaceAll(/[\u0080-\u009f\p{Default_Ignorable_Code_Point}\p{Z}\p{C}]/gu, '_');
}

/** From the adapter up to what the board has, a word a bus. */
function pathOf(usbInterface: string): string {
  const words: string[] = [];
  let last: string | undefined;
  for (const directory of withParents(usbInterface)) {
    const bus = subsystemOf(directory);
    if (bus === undefined) continue;
    // The lowest device of each bus tells the place there: that of USB has all hubs in its name.
    if (bus !== last) words.unshift(wordOf(bus, basename(directory)));
    last = bus;
  }
  return words.filter((word) => word !== '').join('-');
}

function wordOf(bus: string, name: string): string {
  if (bus === 'usb') return `usb-0:${name.slice(name.indexOf('-') + 1)}`;
  return ['pci', 'platform', 'amba', 'virtio', 'acpi'].includes(bus) ? `${bus}-${name}` : '';
}

function subsystemOf(directory: string): string | undefined {
  const link = `${directory}/subsystem`;
  return existsSync(link) ? basename(realpathSync(link)) : undefined;
}

function withParents(directory: string): string[] {
  const parent = dirname(directory);
  return parent === directory ? [directory] : [directory, ...withParents(parent)];
}

/** undefined: it does not say. */
function read(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8').replace(/\n$/, '') : undefined;
}
