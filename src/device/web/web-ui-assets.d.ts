// The page's files, which host/build/web-ui-bundle.ts puts into the bundle of this program (webUiPlugin).

declare module 'virtual:web-ui-assets' {
  import type { EmbeddedAsset } from './assets.ts';

  export const EMBEDDED_ASSETS: readonly EmbeddedAsset[];
}
