// The ioctl requests that init makes, with their argument structures. Numbers are those of the kernel's
// generic ABI (asm-generic/ioctl.h), which x86-64 and arm64 share; both are little-endian.

/** linux/watchdog.h */
export const WDIOC_KEEPALIVE = 0x80045705;
export const WDIOC_SETTIMEOUT = 0xc0045706;
export const WDIOC_GETTIMEOUT = 0x80045707;
/** linux/random.h */
export const RNDADDENTROPY = 0x40085203;
/** linux/sockios.h */
export const SIOCGIFFLAGS = 0x8913;
export const SIOCSIFFLAGS = 0x8914;
/** linux/fs.h */
export const BLKFLSBUF = 0x1261;
export const FS_IOC_GETFLAGS = 0x80086601;
export const FS_IOC_SETFLAGS = 0x40086602;
export const FS_IMMUTABLE_FL = 0x10;
/** linux/blkpg.h */
export const BLKPG = 0x1269;
/** linux/ext4.h: _IOW('f', 16, __u64) */
export const EXT4_IOC_RESIZE_FS = 0x40086610;
/** asm-generic/ioctls.h */
export const TIOCSWINSZ = 0x5414;
export const TIOCGPTN = 0x80045430;
export const TIOCSPTLCK = 0x40045431;

const BLKPG_RESIZE_PARTITION = 3;
const IFREQ_BYTES = 40;
const IFREQ_FLAGS_OFFSET = 16;
const IFF_UP = 0x1;

/**
 * struct rand_pool_info: int32 entropy_count (bits), int32 buf_size (bytes), then the bytes. gokrazy passes
 * 64-bit fields here, so that nothing is mixed in (W-12).
 */
export function encodeRandPoolInfo(seed: Uint8Array, creditBits: number): Uint8Array {
  const bytes = new Uint8Array(8 + seed.length);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, creditBits, true);
  view.setInt32(4, seed.length, true);
  bytes.set(seed, 8);
  return bytes;
}

/** struct ifreq: char ifr_name[16], then a union whose first member here is int16 ifr_flags. */
export function encodeInterfaceRequest(name: string): Uint8Array {
  const bytes = new Uint8Array(IFREQ_BYTES);
  const encoded = new TextEncoder().encode(name);
  if (encoded.length >= IFREQ_FLAGS_OFFSET) throw new RangeError(`Interface name "${name}" is too long`);
  bytes.set(encoded);
  return bytes;
}

export function setInterfaceUp(request: Uint8Array): void {
  const view = new DataView(request.buffer, request.byteOffset);
  view.setInt16(IFREQ_FLAGS_OFFSET, view.getInt16(IFREQ_FLAGS_OFFSET, true) | IFF_UP, true);
}

/** struct blkpg_partition: int64 start, int64 length (both in bytes), int32 pno, char[64] twice, padding. */
export function encodeBlkpgPartition(number: number, startBytes: number, lengthBytes: number): Uint8Array {
  const bytes = new Uint8Array(152);
  const view = new DataView(bytes.buffer);
  view.setBigInt64(0, BigInt(startBytes), true);
  view.setBigInt64(8, BigInt(lengthBytes), true);
  view.setInt32(16, number, true);
  return bytes;
}

/** struct blkpg_ioctl_arg: int32 op, int32 flags, int32 datalen, padding, pointer to a blkpg_partition. */
export function encodeBlkpgResize(partitionAddress: bigint, partitionBytes: number): Uint8Array {
  const bytes = new Uint8Array(24);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, BLKPG_RESIZE_PARTITION, true);
  view.setInt32(8, partitionBytes, true);
  view.setBigUint64(16, partitionAddress, true);
  return bytes;
}
