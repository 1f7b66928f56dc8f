// A UDP socket that only sends: from our address on one interface, to a server's port. DHCP renews through it, because
// a unicast needs routing and ARP, which a packet socket does not have. Answers are read on the packet socket.

import { AF, encodeInternetAddress } from './internet-address.ts';
import { DROP, RawSocket } from './raw-socket.ts';

const SOCK_DGRAM = 2;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;

export class UdpSource {
  readonly #socket: RawSocket;

  constructor(interfaceName: string, address: string, port: number) {
    this.#socket = RawSocket.open([AF.ipv4, SOCK_DGRAM, 0], (socket) => {
      socket.setOption(SOL_SOCKET, SO_REUSEADDR, Uint8Array.of(1, 0, 0, 0));
      socket.bindToInterface(interfaceName);
      // Nothing is queued here. That the port is taken keeps the kernel from answering "port unreachable".
      socket.attachFilter([DROP]);
      socket.bind(encodeInternetAddress({ family: 'ipv4', address, port }));
    });
  }

  send(bytes: Uint8Array, destination: string, port: number): void {
    this.#socket.send(bytes, encodeInternetAddress({ family: 'ipv4', address: destination, port }));
  }

  close(): void {
    this.#socket.close();
  }
}
