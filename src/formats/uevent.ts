// What the kernel announces of devices that come and go: `ACTION@PATH`, then `KEY=VALUE`, each ended by a zero byte
// (lib/kobject_uevent.c). What other programs send in another form (libudev) is none. Pure.

export interface Uevent {
  action: string;
  /** Below /sys. */
  path: string;
  /** What the device calls itself, for those who look for its driver. */
  modalias: string | undefined;
  /** Of its node, below /dev. */
  devname: string | undefined;
}

export function parseUevent(bytes: Uint8Array): Uevent | undefined {
  const [head = '', ...fields] = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    .toString('latin1')
    .split('\0');
  const [, action, path] = /^([a-z]+)@(\/.+)$/.exec(head) ?? [];
  if (action === undefined || path === undefined) return undefined;
  return { action, path, modalias: valueOf(fields, 'MODALIAS'), devname: valueOf(fields, 'DEVNAME') };
}

function valueOf(fields: readonly string[], key: string): string | undefined {
  return fields.find((field) => field.startsWith(`${key}=`))?.slice(key.length + 1);
}
