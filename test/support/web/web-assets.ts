// The page's files for a WebDevice, bundled from the sources. Run by itself it serves the page on this
// machine, to look at it while working on it: `node test/support/web/web-assets.ts [PORT]`.

import { assetTable, type AssetTable } from '../../../src/device/web/assets.ts';
import { bundleWebUi, compressAsset } from '../../../src/host/build/web-ui-bundle.ts';
import { TEST_PASSWORD, startWebDevice } from './web-device.ts';

export async function bundledAssets(): Promise<AssetTable> {
  const files = await bundleWebUi();
  return assetTable(
    files.map(({ bytes, ...file }) => ({
      ...file,
      gzipBase64: Buffer.from(compressAsset(bytes)).toString('base64'),
    })),
  );
}

if (import.meta.main) {
  const port = Number(process.argv[2] ?? 8080);
  const { url } = await startWebDevice({ port, lively: true, assets: await bundledAssets() });
  console.log(`${url}/  (password: ${TEST_PASSWORD})`);
}
