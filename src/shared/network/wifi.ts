// Wi-Fi as the image bakes it in (`DeviceConfig.wifi`), and where things of it are on the device. What is secret stands
// in none of these: see wifi-file.ts. No I/O here.

/** Libraries of the supplicant; no other program looks there. */
export const WIFI_LIBRARY_DIRECTORY = '/lib/wifi-supplicant';
export const SUPPLICANT_PATH = '/tsk/bin/wpa_supplicant';
/** Written by the build; has no secrets. */
export const SUPPLICANT_CONFIG_PATH = '/etc/wpa_supplicant.conf';
/** Name of its service. */
export const SUPPLICANT_SERVICE = 'wifi';
/** Its control sockets: one that is there from its start, and one for each interface. */
export const SUPPLICANT_DIRECTORY = '/run/wifi';
export const SUPPLICANT_SOCKET = `${SUPPLICANT_DIRECTORY}/supplicant`;

/** What init hands to `net`: the networks with their keys, in their order. Readable by root only. */
export const WIFI_RUN_PATH = '/run/wifi-networks/networks.json';
/** Networks and their keys, as the device keeps them. Readable by root only. */
export const WIFI_STORE_PATH = '/perm/wifi/networks.json';
/** In the root of the boot partition, where any computer can write it. */
export const WIFI_CARD_FILE = 'wifi.json';

export const REGULATORY_DB_PATH = '/lib/firmware/regulatory.db';

/** IEEE 802.11, 9.4.2.2: an SSID has so many bytes at most. */
const MAX_SSID_BYTES = 32;
export const MAX_WIFI_NETWORKS = 32;
/** ISO 3166-1, in capitals. */
export const COUNTRY = /^[A-Z]{2}$/;

interface WifiNetworkConfig {
  ssid: string;
  /** It does not say its name: the device asks for it by name, which everybody near hears. */
  hidden?: boolean;
}

export interface WifiConfig {
  /** Which channels and how much power are allowed depends on it. */
  country: string;
  /** Networks in the order in which they are preferred; those that only the device knows come after them. */
  networks: readonly WifiNetworkConfig[];
}

/** What is wrong with a network's name, as the end of a sentence. */
export function ssidProblem(ssid: string): string | undefined {
  const bytes = new TextEncoder().encode(ssid).length;
  if (bytes === 0) return 'is empty';
  if (bytes > MAX_SSID_BYTES) return `has ${bytes} bytes, and ${MAX_SSID_BYTES} are allowed`;
  // Half of a surrogate pair has become another character on its way to bytes.
  return /\p{Surrogate}/u.test(ssid) ? 'is no text that has a form in UTF-8' : undefined;
}

export function countryProblem(country: string): string | undefined {
  return COUNTRY.test(country) ? undefined : 'must be two capital letters, as in "DE" or "US" (ISO 3166)';
}
