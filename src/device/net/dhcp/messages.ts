// The messages that a DHCP client sends (RFC 2131 section 4.4.1, table 5: which fields and options each must have).

import {
  addressOption,
  DHCP_MESSAGE_TYPE,
  DHCP_OPTION,
  type DhcpMessageType,
  textOption,
  uint16Option,
} from '../../../formats/dhcp-options.ts';
import type { DhcpPacket } from '../../../formats/dhcp-packet.ts';

/** Who we are on this link. */
export interface DhcpIdentity {
  mac: Uint8Array;
  hostname: string;
}

export interface MessageFields {
  xid: number;
  secs: number;
  broadcast?: boolean;
  /** Our address, once it is configured and we can answer ARP for it. */
  ciaddr?: string;
  requestedAddress?: string;
  server?: string;
  /** Tells the server's administrator why. */
  reason?: string;
}

const NO_ADDRESS = '0.0.0.0';
const HARDWARE_ETHERNET = 1;
const MAX_MESSAGE_SIZE = 1472;

/** Classless routes come before routers: some servers send only what fits (RFC 3442). */
const WANTED_OPTIONS = Uint8Array.of(
  DHCP_OPTION.classlessRoutes,
  DHCP_OPTION.subnetMask,
  DHCP_OPTION.routers,
  DHCP_OPTION.dns,
  DHCP_OPTION.domain,
  DHCP_OPTION.domainSearch,
  DHCP_OPTION.ntpServers,
  DHCP_OPTION.mtu,
  DHCP_OPTION.leaseTime,
  DHCP_OPTION.renewalTime,
  DHCP_OPTION.rebindingTime,
);

export function clientMessage(
  type: 'discover' | 'request' | 'decline',
  identity: DhcpIdentity,
  fields: MessageFields,
): DhcpPacket {
  return {
    op: 'request',
    xid: fields.xid,
    secs: fields.secs,
    broadcast: fields.broadcast ?? false,
    ciaddr: fields.ciaddr ?? NO_ADDRESS,
    yiaddr: NO_ADDRESS,
    siaddr: NO_ADDRESS,
    giaddr: NO_ADDRESS,
    mac: identity.mac,
    options: optionsOf(type, identity, fields),
  };
}

function optionsOf(
  type: DhcpMessageType,
  { mac, hostname }: DhcpIdentity,
  fields: MessageFields,
): Map<number, Uint8Array> {
  const options = new Map<number, Uint8Array>([
    [DHCP_OPTION.messageType, Uint8Array.of(DHCP_MESSAGE_TYPE[type])],
    [DHCP_OPTION.clientId, Uint8Array.of(HARDWARE_ETHERNET, ...mac)],
  ]);
  const { requestedAddress, server, reason } = fields;
  if (requestedAddress !== undefined)
    options.set(DHCP_OPTION.requestedAddress, addressOption(requestedAddress));
  if (server !== undefined) options.set(DHCP_OPTION.serverId, addressOption(server));
  if (reason !== undefined) options.set(DHCP_OPTION.message, textOption(reason));
  if (type === 'decline') return options;
  if (hostname !== '') options.set(DHCP_OPTION.hostname, textOption(hostname));
  options.set(DHCP_OPTION.maxMessageSize, uint16Option(MAX_MESSAGE_SIZE));
  options.set(DHCP_OPTION.parameterList, WANTED_OPTIONS);
  return options;
}
