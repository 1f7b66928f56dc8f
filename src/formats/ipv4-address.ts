// IPv4 addresses as text (`10.0.2.15`) and as the number that masks are applied to. Text is what the rest of the
// program keeps: it can be compared, logged and put into JSON as it is.

export interface Ipv4Prefix {
  address: string;
  prefixLength: number;
}

/** Four decimal numbers without leading zeros: about octal and short forms programs disagree. */
const IPV4_PATTERN = /^(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/;

export function isIpv4Address(text: string): boolean {
  return IPV4_PATTERN.test(text);
}

export function ipv4ToNumber(address: string): number {
  if (!isIpv4Address(address))
    throw new TypeError(`Cannot read IPv4 address "${address}": expected four numbers`);
  return address.split('.').reduce((value, octet) => value * 256 + Number(octet), 0);
}

export function ipv4FromNumber(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}

export function ipv4ToBytes(address: string): Uint8Array {
  const value = ipv4ToNumber(address);
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

/** The four bytes at `offset`. */
export function ipv4FromBytes(bytes: Uint8Array, offset = 0): string {
  return bytes.subarray(offset, offset + 4).join('.');
}

/** `192.168.1.5/24` */
export function parseIpv4Prefix(text: string): Ipv4Prefix {
  const [address = '', length = '', ...rest] = text.split('/');
  ipv4ToNumber(address);
  if (rest.length > 0 || !/^(0|[1-9]\d?)$/.test(length) || Number(length) > 32) {
    throw new TypeError(
      `Cannot read "${text}": expected an address and a prefix length such as "10.0.0.5/24"`,
    );
  }
  return { address, prefixLength: Number(length) };
}

export function formatIpv4Prefix({ address, prefixLength }: Ipv4Prefix): string {
  return `${address}/${prefixLength}`;
}

/** `undefined` for a mask whose ones are not all on the left. */
export function prefixLengthOfMask(mask: string): number | undefined {
  const value = ipv4ToNumber(mask);
  const prefixLength = Math.clz32(~value);
  return maskNumber(prefixLength) === value ? prefixLength : undefined;
}

/** The address with its host part cleared. */
export function networkOf({ address, prefixLength }: Ipv4Prefix): string {
  return ipv4FromNumber(ipv4ToNumber(address) & maskNumber(prefixLength));
}

export function broadcastOf({ address, prefixLength }: Ipv4Prefix): string {
  return ipv4FromNumber(ipv4ToNumber(address) | ~maskNumber(prefixLength));
}

/** False for what no host can have: 0/8, loopback, multicast, reserved and broadcast. */
export function isHostAddress(address: string): boolean {
  const first = ipv4ToNumber(address) >>> 24;
  return first !== 0 && first !== 127 && first < 224;
}

/** The mask that people wrote before there were prefix lengths: the class of the address. */
export function classPrefixLength(address: string): number {
  const first = ipv4ToNumber(address) >>> 24;
  if (first < 128) return 8;
  return first < 192 ? 16 : 24;
}

function maskNumber(prefixLength: number): number {
  return prefixLength === 0 ? 0 : (0xffff_ffff << (32 - prefixLength)) >>> 0;
}
