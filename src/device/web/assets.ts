// The page's files, held in memory: made by host/build/web-ui-bundle.ts and part of this program's bundle.
// A table of whole paths; there is no directory behind it.

import type http from 'node:http';

export interface Asset {
  /** Whole path of the URL. */
  path: string;
  contentType: string;
  etag: string;
  /** Compressed at build time: every browser takes it. */
  gzip: Uint8Array;
}

/** An asset file as a bundle keeps it: base64 of `gzip`. */
export interface EmbeddedAsset {
  path: string;
  contentType: string;
  etag: string;
  gzipBase64: string;
}

export type AssetTable = ReadonlyMap<string, Asset>;

export function assetTable(embedded: readonly EmbeddedAsset[]): AssetTable {
  return new Map(
    embedded.map(({ path, contentType, etag, gzipBase64 }) => [
      path,
      { path, contentType, etag, gzip: Buffer.from(gzipBase64, 'base64') },
    ]),
  );
}

export async function sendAsset(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  asset: Asset,
): Promise<void> {
  // Asked for again at each load, answered with 304: an update of the device shows at once.
  response.setHeader('Cache-Control', 'no-cache');
  response.setHeader('ETag', asset.etag);
  response.setHeader('Vary', 'Accept-Encoding');
  if (request.headers['if-none-match'] === asset.etag) {
    response.writeHead(304);
    response.end();
    return;
  }
  const takesGzip = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
  const body = takesGzip ? asset.gzip : await decompressed(asset);
  response.writeHead(200, {
    'Content-Type': asset.contentType,
    'Content-Length': String(body.byteLength),
    ...(takesGzip ? { 'Content-Encoding': 'gzip' } : {}),
  });
  response.end(body);
}

const plain = new WeakMap<Asset, Uint8Array>();

/** Serves programs like curl. Loads zlib, which costs 2 MB, only then; all who ask for it wait for the same bytes. */
async function decompressed(asset: Asset): Promise<Uint8Array> {
  const { gunzipSync } = await import('node:zlib');
  const bytes = plain.get(asset) ?? gunzipSync(asset.gzip);
  plain.set(asset, bytes);
  return bytes;
}
