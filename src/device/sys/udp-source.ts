// A UDP socket that only sends: from our address on one interface, to a server's port. DHCP renews through it, because
// a unicast needs routing and ARP, which a packet socket does not have. Answers are read on the packet socket.

import { ipv4ToBytes } from '../../formats/ipv4-address.ts';
import { RawSocket } from './raw-socket.ts';

const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_BINDTODEVICE = 25;

export class UdpSource {
  readonly #socket: RawSocket;

  constructor(interfaceName: string, address: string, port: number) {
    this.#socket = new RawSocket(AF_INET, SOCK_DGRAM, 0);
    try {
      this.#socket.setOption(SOL_SOCKET, SO_REUSEADDR, Uint8Array.of(1, 0, 0, 0));
      const name = new TextEncoder().encode(`${interfaceName}\0`);
      this.#socket.setOption(SOL_SOCKET, SO_BINDTODEVICE, name);
      // Nothing is queued here. That the port is taken keeps the kernel from answering "port unreachable".
      this.#socket.attachFilter([[0x06, 0, 0, 0]]);
      this.#socket.bind(socketAddress(address, port));
    } catch (error) {
      this.#socket.close();
      throw error;
    }
  }

  send(bytes: Uint8Array, destination: string, port: number): void {
    this.#socket.send(bytes, socketAddress(destination, port));
  }

  close(): void {
    this.#socket.close();
  }
}

/** struct sockaddr_in */
function socketAddress(address: string, port: number): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_INET, true); //  0  2  sin_family
  view.setUint16(2, port); //           2  2  sin_port
  bytes.set(ipv4ToBytes(address), 4); // 4  4  sin_addr
  return bytes;
}
