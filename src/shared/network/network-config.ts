// How the device's network interfaces get their addresses, as the image bakes it in (`DeviceConfig.network`).
// Types only; the host checks the user's text, the device trusts it.

/** IPv4 by DHCP, the default on every wired interface. */
interface DhcpInterfaceConfig {
  ipv4: 'dhcp';
  /** Used instead of the servers that DHCP and router advertisements name. */
  dns?: readonly string[];
  /** Priority of the interface's routes, lower wins; default 100 + the interface's index. */
  metric?: number;
}

export interface StaticInterfaceConfig {
  ipv4: 'static';
  /** Address and prefix length: `192.168.1.5/24`. */
  address: string;
  gateway?: string;
  dns?: readonly string[];
  /** Domains that names without a dot are tried in. */
  search?: readonly string[];
  metric?: number;
}

/** Left down: nothing is configured, IPv6 neither. */
interface DisabledInterfaceConfig {
  ipv4: 'off';
}

export type InterfaceConfig = DhcpInterfaceConfig | StaticInterfaceConfig | DisabledInterfaceConfig;

/**
 * By interface name; `*` is for every wired interface that has no entry of its own (absent: DHCP).
 * An interface that is not wired hardware (a bridge, a VLAN) is configured only when it is named.
 */
export type NetworkConfig = Readonly<Record<string, InterfaceConfig>>;
