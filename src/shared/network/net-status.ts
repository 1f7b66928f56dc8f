// What the `net` service knows of the network, replaced atomically in NET_STATUS_PATH at every change: for the
// status page, and for whoever waits for the network or looks for time servers. No I/O here.

export const NET_STATUS_PATH = '/run/tsk/net.json';
/** /etc/resolv.conf of the image is a link to it. Nothing else is in its directory: sandboxed apps see all of that. */
export const RESOLV_CONF_PATH = '/run/net/resolv.conf';

/** States of RFC 2131 figure 5, with the waits between them that it only describes in words. */
export type DhcpStateName =
  /** No cable: nothing is sent. A lease that is still valid stays configured. */
  | 'no-carrier'
  /** A pause before the next try (after a conflict or a refusal). */
  | 'waiting'
  | 'selecting'
  | 'requesting'
  /** Asks whether the address of an earlier lease may be used again. */
  | 'rebooting'
  /** Acknowledged; makes sure by ARP that nobody else uses the address. */
  | 'probing'
  | 'bound'
  | 'renewing'
  | 'rebinding';

export interface DhcpStatus {
  state: DhcpStateName;
  /** Null while there is no lease. */
  lease: {
    server: string;
    /** Unix times in ms by the clock at the time of writing; null: the lease never ends. */
    obtainedAtMs: number;
    renewAtMs: number | null;
    expiresAtMs: number | null;
    leaseSec: number | null;
  } | null;
}

interface WifiNetworkStatus {
  ssid: string;
  problem: string | null;
  /** Waiting does not help against it. */
  isLasting?: true;
}

/** A radio. */
export interface WifiStatus {
  /** Name of the network that it is in. */
  ssid: string | null;
  /** As it was a short while ago. */
  signalDbm: number | null;
  frequencyMHz: number | null;
  /** In the order in which they are preferred; a problem is the end of a sentence that begins with the name. */
  networks: readonly WifiNetworkStatus[];
  /** That its networks are those of this trial (wifi-api.ts). */
  trial?: string;
}

export interface InterfaceStatus {
  name: string;
  /** `52:54:00:12:34:56` */
  mac: string;
  /** A cable is plugged in and the other side is alive. */
  carrier: boolean;
  ipv4: 'dhcp' | 'static' | 'off';
  /** All addresses that the kernel has on the interface, with prefix length: `10.0.2.15/24`, `fe80::1/64`. */
  addresses: readonly string[];
  /** Null unless `ipv4` is `dhcp`. */
  dhcp: DhcpStatus | null;
  /** IPv4 routers, most preferred first. */
  gateways: readonly string[];
  dns: readonly string[];
  search: readonly string[];
  /** Servers of DHCP option 42. */
  ntpServers: readonly string[];
  /** Absent: it has a cable. */
  wifi?: WifiStatus;
  /** One sentence when something keeps the interface from working. */
  problem: string | null;
  /** What is odd about its network and does no harm, a sentence each. Absent: a device of before that was told. */
  notes?: readonly string[];
}

export interface NetStatus {
  formatVersion: 1;
  hostname: string;
  /** `garden.local`, or `garden-2.local` where that is taken; null while it is not claimed. */
  mdnsName: string | null;
  /** Some interface has carrier, and an IPv4 address with a router or a global IPv6 address. */
  online: boolean;
  interfaces: readonly InterfaceStatus[];
  /** Absent: the instance has no Wi-Fi. A problem is one of all radios, or the reason that there is none. */
  wifi?: { country: string | null; problem: string | null };
}
