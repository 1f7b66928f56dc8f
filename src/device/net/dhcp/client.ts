// The DHCP client of one interface: the machine of machine.ts with its sockets and timer.

import { decodeArp, arpAnnouncement, arpProbe, encodeArp } from '../../../formats/arp-packet.ts';
import {
  decodeDhcp,
  DHCP_CLIENT_PORT,
  DHCP_SERVER_PORT,
  type DhcpPacket,
  encodeDhcp,
} from '../../../formats/dhcp-packet.ts';
import { isHostAddress } from '../../../formats/ipv4-address.ts';
import { decodeUdpDatagram, encodeUdpDatagram } from '../../../formats/ipv4-packet.ts';
import { formatMac } from '../../../formats/mac-address.ts';
import { openConflictSocket, openDhcpSocket, type PacketSocket } from '../../sys/packet-socket.ts';
import { drainSockets } from '../../sys/socket-events.ts';
import { UdpSource } from '../../sys/udp-source.ts';
import type { Lease } from './lease.ts';
import { stepDhcp } from './machine.ts';
import type { DhcpIdentity } from './messages.ts';
import {
  createDhcpMachine,
  type DhcpAction,
  type DhcpEvent,
  type DhcpMachine,
  nextTimerMs,
  watchedAddress,
} from './state.ts';
import { monotonicMs } from '../../monotonic.ts';

export interface DhcpClientOptions {
  link: { index: number; name: string };
  identity: DhcpIdentity;
  /** The address to ask for again; looked up when it is needed, as storage may come late. */
  readLastAddress: () => string | null;
  /** Called after every event: configure `active`, publish the state. */
  onChange: (machine: DhcpMachine) => void;
  remember: (lease: Lease | null) => void;
  log: (text: string) => void;
}

const MAX_TIMER_MS = 2 ** 31 - 1;
/** RFC 5227 section 2.3: announcements are sent twice. */
const ANNOUNCE_INTERVAL_MS = 2000;

export class DhcpClient {
  readonly #options: DhcpClientOptions;
  readonly #socket: PacketSocket;
  #machine: DhcpMachine;
  #conflicts: { address: string; socket: PacketSocket } | undefined;
  #renewal: { address: string; source: UdpSource } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #announcement: NodeJS.Timeout | undefined;

  constructor(options: DhcpClientOptions) {
    this.#options = options;
    this.#machine = createDhcpMachine(options.identity);
    this.#socket = openDhcpSocket(options.link.index);
    this.#socket.listen((bytes) => this.#onPacket(bytes));
  }

  setCarrier(up: boolean): void {
    this.#step({ type: 'carrier', up, storedAddress: up ? this.#options.readLastAddress() : null });
  }

  close(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#announcement);
    this.#socket.close();
    this.#conflicts?.socket.close();
    this.#renewal?.source.close();
  }

  #step(event: DhcpEvent): void {
    const { machine, actions } = stepDhcp(this.#machine, event, {
      nowMs: monotonicMs(),
      random: Math.random,
    });
    this.#machine = machine;
    this.#watchConflicts(watchedAddress(machine));
    if (machine.state !== 'renewing' && machine.state !== 'rebinding') this.#closeRenewal();
    // First the address, then what is sent from it.
    this.#options.onChange(machine);
    for (const action of actions) this.#perform(action);
    this.#armTimer();
  }

  #perform(action: DhcpAction): void {
    if (action.type === 'log') this.#options.log(action.text);
    else if (action.type === 'remember') this.#options.remember(action.lease);
    else if (action.type === 'arp') this.#sendArp(action.kind, action.address);
    else this.#send(action.packet, action.to);
  }

  #armTimer(): void {
    clearTimeout(this.#timer);
    const atMs = nextTimerMs(this.#machine);
    if (atMs === null) return;
    // Rounded up: a timer that fires a fraction of a millisecond early would be set again for nothing.
    const delayMs = Math.ceil(Math.max(0, atMs - monotonicMs()));
    this.#timer = setTimeout(() => this.#onTimer(), Math.min(delayMs, MAX_TIMER_MS));
  }

  #onTimer(): void {
    // The answer may be here already on a slow machine.
    drainSockets();
    this.#step({ type: 'timer' });
  }

  #onPacket(bytes: Uint8Array): void {
    let packet: DhcpPacket;
    let sender: string;
    try {
      const { source, payload } = decodeUdpDatagram(bytes);
      packet = decodeDhcp(payload);
      sender = source;
    } catch (error) {
      // Anybody on the network can send garbage to a port; it is not worth a line each.
      if (error instanceof SyntaxError) return;
      throw error;
    }
    this.#step({ type: 'packet', packet, ...(isHostAddress(sender) ? { sender } : {}) });
  }

  #send(packet: DhcpPacket, to: string | null): void {
    const payload = encodeDhcp(packet);
    attempt(() => {
      if (to !== null) {
        this.#renewalSource(packet.ciaddr).send(payload, to, DHCP_SERVER_PORT);
        return;
      }
      this.#socket.broadcast(
        encodeUdpDatagram({
          source: packet.ciaddr,
          sourcePort: DHCP_CLIENT_PORT,
          destination: '255.255.255.255',
          destinationPort: DHCP_SERVER_PORT,
          payload,
        }),
      );
    });
  }

  #renewalSource(address: string): UdpSource {
    if (this.#renewal?.address !== address) {
      this.#closeRenewal();
      const source = new UdpSource(this.#options.link.name, address, DHCP_CLIENT_PORT);
      this.#renewal = { address, source };
    }
    return this.#renewal.source;
  }

  #closeRenewal(): void {
    this.#renewal?.source.close();
    this.#renewal = undefined;
  }

  #watchConflicts(address: string | null): void {
    if (this.#conflicts?.address === (address ?? undefined)) return;
    this.#conflicts?.socket.close();
    this.#conflicts = undefined;
    if (address === null) return;
    attempt(() => {
      const socket = openConflictSocket(this.#options.link.index, this.#options.identity.mac, address);
      this.#conflicts = { address, socket };
      socket.listen((bytes) => this.#onConflict(bytes));
    });
  }

  #onConflict(bytes: Uint8Array): void {
    try {
      const { senderAddress, senderMac } = decodeArp(bytes);
      const kind = senderAddress === '0.0.0.0' ? 'probe' : 'claim';
      this.#step({ type: 'conflict', kind, mac: formatMac(senderMac) });
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }

  #sendArp(kind: 'probe' | 'announce', address: string): void {
    const { mac } = this.#options.identity;
    const packet = kind === 'probe' ? arpProbe(mac, address) : arpAnnouncement(mac, address);
    attempt(() => this.#conflicts?.socket.broadcast(encodeArp(packet)));
    clearTimeout(this.#announcement);
    if (kind === 'probe') return;
    this.#announcement = setTimeout(() => {
      if (this.#conflicts?.address === address)
        attempt(() => this.#conflicts?.socket.broadcast(encodeArp(packet)));
    }, ANNOUNCE_INTERVAL_MS);
  }
}

/** A packet that cannot be sent now (interface down or just gone) is as good as lost on the wire: a retry follows. */
function attempt(send: () => void): void {
  try {
    send();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
  }
}
