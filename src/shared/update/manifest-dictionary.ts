// A manifest is long and changes little: some 30 to 60 kB of hashes that nothing can make shorter, nearly all of which the device
// has. So the request for an update is packed by zstd against a manifest of a slot, where both sides have one.

/** Of a request with `Content-Encoding: zstd`: SHA-256 of the manifest that it is packed against, in hex. */
export const DICTIONARY_HEADER = 'Zstd-Dictionary';

/** The manifest as it would stand in such a request: quotes within it are two characters there. No dictionary of zstd's kind. */
export function dictionaryOf(manifest: Uint8Array): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(new TextDecoder().decode(manifest)));
}
