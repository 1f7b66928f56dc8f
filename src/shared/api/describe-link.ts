// By what an interface is connected, in a few words: for the page, the screen and the command line.

import type { InterfaceStatus } from '../network/net-status.ts';

/** Without a cable, or not in a network, `no cable` or `no Wi-Fi`. */
export function describeLink({ carrier, wifi }: Pick<InterfaceStatus, 'carrier' | 'wifi'>): string {
  if (wifi === undefined) return carrier ? 'cable plugged in' : 'no cable';
  if (wifi.ssid === null) return 'no Wi-Fi';
  const signal = wifi.signalDbm === null ? '' : `, ${describeSignal(wifi.signalDbm)}`;
  return `Wi-Fi "${wifi.ssid}"${signal}`;
}

/** What people see as bars: -67 dBm is where calls over Wi-Fi begin to suffer, -80 where little gets through. */
function describeSignal(dbm: number): string {
  const word = dbm >= -67 ? 'strong' : dbm >= -80 ? 'fair' : 'faint';
  return `${word} (${dbm} dBm)`;
}

/** What the networks that an interface is not in have against it, or it against them. */
export function describeOtherNetworks({ wifi }: Pick<InterfaceStatus, 'wifi'>): string[] {
  return (wifi?.networks ?? []).flatMap(({ ssid, problem }) =>
    problem === null || ssid === wifi?.ssid ? [] : [`"${ssid}" ${problem}`],
  );
}
