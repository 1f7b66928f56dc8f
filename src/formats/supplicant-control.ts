// What wpa_supplicant says over its control socket (wpa_supplicant(8), "Control interface" of its developers' documentation):
// events `<3>CTRL-EVENT-CONNECTED - Connection to ...`, and answers in lines. Names of networks are escaped as by C's printf,
// and come from whoever is near. Pure; nothing here throws: what makes no sense is left out.

/** `<level>NAME key=value key="value" words` */
export interface SupplicantEvent {
  name: string;
  /** All behind the name. */
  text: string;
  fields: ReadonlyMap<string, string>;
}

/** undefined: it is an answer. */
export function parseSupplicantEvent(message: string): SupplicantEvent | undefined {
  const [, name, text = ''] = /^<\d>([A-Z][A-Z0-9-]+)(?::? ([^]*))?$/.exec(message) ?? [];
  if (name === undefined) return undefined;
  const fields = new Map<string, string>();
  for (const [, key = '', quoted, plain = ''] of text.matchAll(/(\w+)=(?:"((?:[^"\\]|\\.)*)"|(\S*))/g))
    fields.set(key, quoted ?? plain);
  return { name, text, fields };
}

/** Lines `key=value` of STATUS and SIGNAL_POLL. */
export function parseSupplicantFields(answer: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of answer.split('\n')) {
    const at = line.indexOf('=');
    if (at > 0) fields.set(line.slice(0, at), line.slice(at + 1));
  }
  return fields;
}

/** A network that was heard. */
export interface HeardNetwork {
  ssid: string;
  /** Of the carrier, in MHz. */
  frequencyMHz: number;
  /** In dBm. */
  signalDbm: number;
  /** How it is joined: none of them is an open one. */
  keyManagement: readonly ('wpa2' | 'wpa3' | 'enterprise' | 'wep')[];
}

const MAX_HEARD = 256;

/** Lines `bssid / frequency / signal level / flags / ssid` of SCAN_RESULTS, divided by tabs, below a line that says so. */
export function parseScanResults(answer: string): HeardNetwork[] {
  const heard: HeardNetwork[] = [];
  for (const line of answer.split('\n').slice(1)) {
    const [bssid, frequency, signal, flags, ssid] = line.split('\t');
    if (bssid === undefined || flags === undefined || ssid === undefined || heard.length === MAX_HEARD)
      continue;
    const frequencyMHz = Number(frequency);
    const signalDbm = Number(signal);
    if (!Number.isInteger(frequencyMHz) || !Number.isInteger(signalDbm)) continue;
    heard.push({ ssid: decodeSsid(ssid), frequencyMHz, signalDbm, keyManagement: keyManagementOf(flags) });
  }
  return heard;
}

/** `[WPA2-PSK+SAE-CCMP][ESS]` */
function keyManagementOf(flags: string): HeardNetwork['keyManagement'] {
  const found: HeardNetwork['keyManagement'][number][] = [];
  if (/\[WPA2?-[^\]]*PSK/.test(flags)) found.push('wpa2');
  if (/\[(?:WPA2|RSN)-[^\]]*SAE|\[SAE/.test(flags)) found.push('wpa3');
  if (/\[(?:WPA2?|RSN)-[^\]]*EAP/.test(flags)) found.push('enterprise');
  if (flags.includes('[WEP]')) found.push('wep');
  return found;
}

const ESCAPES: Readonly<Record<string, number>> = { '"': 34, '\\': 92, e: 27, n: 10, r: 13, t: 9 };

/** Of a name that is no UTF-8 the bytes that are not stand as they came, `\xff`. */
export function decodeSsid(escaped: string): string {
  const bytes: number[] = [];
  for (const [, hex, letter, plain] of escaped.matchAll(/\\x([0-9a-f]{2})|\\(.)|([^])/gi)) {
    if (hex !== undefined) bytes.push(Number.parseInt(hex, 16));
    else if (letter !== undefined) bytes.push(ESCAPES[letter] ?? letter.charCodeAt(0) & 0xff);
    else bytes.push((plain ?? '').charCodeAt(0) & 0xff);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(bytes));
  } catch {
    return escaped;
  }
}

/** A value that has any characters, for SET_NETWORK. */
export function encodeSupplicantText(text: string): string {
  return Buffer.from(text, 'utf8').toString('hex');
}
