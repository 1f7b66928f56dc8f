// Packages that a program has installed on the device itself (`installOnDevice`): they lie in its data directory, and are no part
// of the image. The app says over its socket which they are (app-contract.ts), so that nothing of it is certain.

/** Where npm lies in images whose apps install packages. */
export const NPM_DIRECTORY = '/opt/npm';

export interface DevicePackages {
  /** Of all, those that are not named here among them. */
  count: number;
  /** `node-red-dashboard@3.6.6` */
  names: readonly string[];
  /** What does not go with the Node.js that the image has now, and was put aside. */
  disabled: readonly string[];
}

export const DEVICE_PACKAGES_NOTICE =
  'installed on the device: not part of the image, kept over updates, not rolled back';

const PACKAGE = /^!?(?:@[a-z\d~-][\w.~-]*\/)?[a-z\d~-][\w.~-]*@[\w.+-]{1,64}$/i;
const COUNT = /^\d{1,4}$/;

/** Words of the app: how many there are, then names with versions; `!` is before one that is disabled. What is no name only counts. */
export function parseDevicePackages([count = '', ...words]: readonly string[]): DevicePackages | undefined {
  if (!COUNT.test(count)) return undefined;
  const named = words.filter((word) => PACKAGE.test(word));
  return {
    count: Math.max(Number(count), words.length),
    names: named.filter((word) => !word.startsWith('!')),
    disabled: named.filter((word) => word.startsWith('!')).map((word) => word.slice(1)),
  };
}

/** `red: node-red-dashboard@3.6.6, left-pad@1.3.0 and 3 more; disabled: serialport@10.5.0`; undefined: there are none. */
export function describeDevicePackages({ count, names, disabled }: DevicePackages): string | undefined {
  if (count === 0) return undefined;
  const others = count - names.length - disabled.length;
  const enabled = [
    names.join(', '),
    others > 0 ? `${others} ${names.length > 0 ? 'more' : 'without a name'}` : '',
  ];
  const off = disabled.length === 0 ? '' : `disabled: ${disabled.join(', ')}`;
  return [enabled.filter(Boolean).join(' and '), off].filter(Boolean).join('; ');
}
