// A wire to a network card of QEMU (each UDP datagram is one Ethernet frame), and on it a host that answers the
// device's DHCP client with garbage.

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import {
  addressOption,
  DHCP_MESSAGE_TYPE,
  DHCP_OPTION,
  readMessageType,
} from '../../../src/formats/dhcp-options.ts';
import {
  decodeDhcp,
  DHCP_CLIENT_PORT,
  DHCP_SERVER_PORT,
  type DhcpPacket,
  encodeDhcp,
} from '../../../src/formats/dhcp-packet.ts';
import { decodeUdpDatagram, encodeUdpDatagram } from '../../../src/formats/ipv4-packet.ts';

const ETHERNET_HEADER_LENGTH = 14;
const SERVER_MAC = Uint8Array.of(0x52, 0x54, 0, 0x66, 0x66, 0x66);
const BROADCAST = Uint8Array.of(255, 255, 255, 255, 255, 255);

export class GarbageServer {
  readonly #socket: Socket;
  #qemuPort = 0;
  #question: DhcpPacket | undefined;
  readonly #random: () => number;

  private constructor(socket: Socket, seed: number) {
    this.#socket = socket;
    this.#random = mulberry32(seed);
    socket.on('message', (frame) => this.#hear(frame));
    socket.on('error', () => {});
  }

  static async open(seed: number): Promise<GarbageServer> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const server = new GarbageServer(socket, seed);
    // A port that is free now: QEMU takes it.
    const probe = createSocket('udp4');
    probe.bind(0, '127.0.0.1');
    await once(probe, 'listening');
    server.#qemuPort = probe.address().port;
    probe.close();
    return server;
  }

  /** The network card at the other end of the wire. */
  get qemuArgs(): string[] {
    const local = endOfWire('local', this.#qemuPort);
    const remote = endOfWire('remote', this.#socket.address().port);
    return ['-netdev', `dgram,id=lab,${local},${remote}`, '-device', 'virtio-net-pci,netdev=lab,romfile='];
  }

  /** Each that is sent is as long. */
  get frameBytes(): number {
    return this.#question === undefined ? Number.NaN : frameOf(encodeDhcp(offerTo(this.#question))).length;
  }

  /** The client has asked for an address. */
  get wasAsked(): boolean {
    return this.#question !== undefined;
  }

  /** Answers to the client's last question: a quarter of the bytes wrong, or nothing but noise. All of one length. */
  send(frames: number): void {
    if (this.#question === undefined) throw new Error('Nobody has asked yet');
    const offer = encodeDhcp(offerTo(this.#question));
    for (let count = 0; count < frames; count++) {
      const wrong = this.#random() < 0.2 ? 1 : 0.25 * this.#random();
      const payload = offer.map((byte) => (this.#random() < wrong ? Math.floor(this.#random() * 256) : byte));
      this.#socket.send(frameOf(payload), this.#qemuPort, '127.0.0.1');
    }
  }

  close(): void {
    this.#socket.close();
  }

  #hear(frame: Buffer): void {
    try {
      const { payload, destinationPort } = decodeUdpDatagram(frame.subarray(ETHERNET_HEADER_LENGTH));
      if (destinationPort !== DHCP_SERVER_PORT) return;
      const packet = decodeDhcp(payload);
      if (readMessageType(packet.options) !== undefined) this.#question = packet;
    } catch {
      // Something else that the device says: IPv6, ARP, mDNS.
    }
  }
}

function endOfWire(side: 'local' | 'remote', port: number): string {
  return `${side}.type=inet,${side}.host=127.0.0.1,${side}.port=${port}`;
}

/** Without a lease time: one in some thousand would come out whole, and then rightly be tried. */
function offerTo(question: DhcpPacket): DhcpPacket {
  const options = new Map([
    [DHCP_OPTION.messageType, Uint8Array.of(DHCP_MESSAGE_TYPE.offer)],
    [DHCP_OPTION.serverId, addressOption('10.77.0.66')],
    [DHCP_OPTION.subnetMask, addressOption('255.255.255.0')],
    [DHCP_OPTION.routers, addressOption('10.77.0.1', '10.77.0.2')],
  ]);
  return { ...question, op: 'reply', yiaddr: '10.77.0.66', options };
}

function frameOf(payload: Uint8Array): Uint8Array {
  const packet = encodeUdpDatagram({
    source: '10.77.0.66',
    sourcePort: DHCP_SERVER_PORT,
    destination: '255.255.255.255',
    destinationPort: DHCP_CLIENT_PORT,
    payload,
  });
  const frame = new Uint8Array(ETHERNET_HEADER_LENGTH + packet.length);
  frame.set(BROADCAST, 0);
  frame.set(SERVER_MAC, 6);
  frame.set([0x08, 0x00], 12);
  frame.set(packet, ETHERNET_HEADER_LENGTH);
  return frame;
}

/** A small generator with a seed, so that a failure can be repeated. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
