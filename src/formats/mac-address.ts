// Ethernet addresses as text: `52:54:00:12:34:56`.

export function formatMac(mac: Uint8Array): string {
  return Array.from(mac, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}
