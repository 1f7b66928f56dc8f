// GUIDs as GPT and UEFI store them: 16 bytes, the first three fields little-endian (UEFI appendix A).

export const GUID_BYTES = 16;

const PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** Place of each byte of the text. */
const BYTE_ORDER = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15] as const;

/** Any case is taken. */
export function putGuid(bytes: Uint8Array, offset: number, guid: string): void {
  const text = guid.toLowerCase();
  if (!PATTERN.test(text)) throw new TypeError(`"${guid}" is not a GUID`);
  const hex = text.replaceAll('-', '');
  for (const [i, position] of BYTE_ORDER.entries()) {
    bytes[offset + position] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  }
}

/** Lower case with hyphens. */
export function getGuid(bytes: Uint8Array, offset: number): string {
  const hex = BYTE_ORDER.map((position) => bytes[offset + position]!.toString(16).padStart(2, '0'));
  return [hex.slice(0, 4), hex.slice(4, 6), hex.slice(6, 8), hex.slice(8, 10), hex.slice(10)]
    .map((part) => part.join(''))
    .join('-');
}
