// Announcements of the kernel about devices, NETLINK_KOBJECT_UEVENT of netlink(7).

import { RawSocket } from './raw-socket.ts';

const AF_NETLINK = 16;
const SOCK_DGRAM = 2;
const NETLINK_KOBJECT_UEVENT = 15;
/** The kernel's own; udev sends to another one. */
const KERNEL_GROUP = 1;
/** UEVENT_BUFFER_SIZE of the kernel, and the head. */
const MAX_MESSAGE_LENGTH = 4096;
const PORT_OFFSET = 4;

/** `onOverflow`: announcements were lost because too many came at once. Returns how to stop. */
export function listenToUevents(onMessage: (bytes: Uint8Array) => void, onOverflow: () => void): () => void {
  const parameters = [AF_NETLINK, SOCK_DGRAM, NETLINK_KOBJECT_UEVENT, MAX_MESSAGE_LENGTH] as const;
  const socket = RawSocket.open([...parameters], (each) => each.bind(kernelGroup()));
  socket.listen((bytes) => {
    if (isFromKernel(socket.source)) onMessage(bytes);
  }, onOverflow);
  return () => socket.close();
}

/** struct sockaddr_nl: u16 family, u16 pad, u32 port, u32 groups. */
function kernelGroup(): Uint8Array {
  const bytes = new Uint8Array(12);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_NETLINK, true);
  view.setUint32(8, KERNEL_GROUP, true);
  return bytes;
}

/** A program with CAP_NET_ADMIN can send to the group as well, from a port that is not 0. */
function isFromKernel(source: Uint8Array): boolean {
  return source.subarray(PORT_OFFSET, PORT_OFFSET + 4).every((byte) => byte === 0);
}
