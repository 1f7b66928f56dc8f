// regulatory.db, which tells the kernel what radios may do in which country: regulatory.db(5), db2fw.py of wireless-regdb.
// Only the list of countries is read. Numbers are big-endian.

const MAGIC = 0x52474442; // RGDB
const VERSION = 20;
const HEADER_LENGTH = 8;
const ENTRY_LENGTH = 4;
const MAX_COUNTRIES = 1000;

/** Countries by their two letters; `00`, the whole world, is among them. Throws SyntaxError for what is no such file. */
export function readRegulatoryCountries(bytes: Uint8Array): Set<string> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_LENGTH || view.getUint32(0) !== MAGIC) throw malformed('it is of another format');
  const version = view.getUint32(4);
  if (version !== VERSION) throw malformed(`its version is ${version}, not ${VERSION}`);
  const countries = new Set<string>();
  for (let offset = HEADER_LENGTH; countries.size <= MAX_COUNTRIES; offset += ENTRY_LENGTH) {
    if (offset + ENTRY_LENGTH > bytes.length) throw malformed('its list of countries does not end');
    //  0  2  alpha2    2  2  place of the rules, in words; 0 ends the list
    if (view.getUint16(offset + 2) === 0) return countries;
    countries.add(String.fromCharCode(view.getUint8(offset), view.getUint8(offset + 1)));
  }
  throw malformed('its list of countries does not end');
}

function malformed(problem: string): SyntaxError {
  return new SyntaxError(`Cannot read the regulatory database: ${problem}`);
}
