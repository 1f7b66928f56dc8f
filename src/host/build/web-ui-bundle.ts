// Builds the status page (src/web-ui) into the few files that the device's web server holds in memory:
// one script, one style sheet, the page around them and the icon; and the terminal, which few load. Same sources, same bytes.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build, type BuildOptions, type Plugin } from 'esbuild';
import { packageRoot } from '../package-root.ts';

export interface WebUiFile {
  /** Whole path of the URL. */
  path: string;
  contentType: string;
  bytes: Uint8Array;
  /** Value with its quotes, as the header has it. */
  etag: string;
}

/** Loaded by who opens a terminal. */
export const TERMINAL_ASSET = '/assets/terminal.js';
const ASSETS_MODULE = 'virtual:web-ui-assets';

/** The page asks its device for it. */
const terminalApart: Plugin = {
  name: 'terminal-apart',
  setup(bundle) {
    bundle.onResolve({ filter: /\/terminal\/terminal\.ts$/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: TERMINAL_ASSET, external: true } : undefined,
    );
  },
};

async function bundleEntry(
  directory: string,
  entry: string,
  loader: BuildOptions['loader'] = {},
): Promise<Uint8Array> {
  const result = await build({
    absWorkingDir: directory,
    entryPoints: [entry],
    outdir: '/',
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    // Browsers of 2023: nesting in CSS, all of the DOM that the page uses.
    target: ['chrome115', 'firefox117', 'safari16.5'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    loader,
    plugins: [terminalApart],
    legalComments: 'none',
    logLevel: 'silent',
  });
  const [output] = result.outputFiles;
  if (!output) throw new Error(`Cannot bundle "${entry}": esbuild gave no output`);
  return output.contents;
}

function file(path: string, contentType: string, bytes: Uint8Array): WebUiFile {
  const hash = createHash('sha256').update(bytes).digest('base64url').slice(0, 22);
  return { path, contentType, bytes, etag: `"${hash}"` };
}

export async function bundleWebUi(): Promise<WebUiFile[]> {
  const directory = join(packageRoot().directory, 'src/web-ui');
  const [script, style, terminal, page, icon] = await Promise.all([
    bundleEntry(directory, 'main.tsx'),
    bundleEntry(directory, 'styles/page.css'),
    bundleEntry(directory, 'terminal/terminal.ts', { '.css': 'text' }),
    readFile(join(directory, 'page.html')),
    readFile(join(directory, 'icon.svg')),
  ]);
  return [
    file('/', 'text/html; charset=utf-8', page),
    file('/assets/page.js', 'text/javascript; charset=utf-8', script),
    file('/assets/page.css', 'text/css; charset=utf-8', style),
    file(TERMINAL_ASSET, 'text/javascript; charset=utf-8', terminal),
    file('/assets/icon.svg', 'image/svg+xml', icon),
  ];
}

/**
 * Compresses as the server sends it. The header's field for the operating system is cleared: it differs between
 * hosts.
 */
export function compressAsset(bytes: Uint8Array): Uint8Array {
  const gzip = gzipSync(bytes, { level: 9 });
  // RFC 1952, section 2.3: OS at offset 9; 255 is "unknown".
  gzip[9] = 255;
  return gzip;
}

/** Gives device/web/main.ts its files: `EMBEDDED_ASSETS` of `virtual:web-ui-assets`. */
export function webUiPlugin(): Plugin {
  return {
    name: 'web-ui-assets',
    setup(bundle) {
      const namespace = 'web-ui-assets';
      bundle.onResolve({ filter: new RegExp(`^${ASSETS_MODULE}$`) }, () => ({
        path: ASSETS_MODULE,
        namespace,
      }));
      bundle.onLoad({ filter: /.*/, namespace }, async () => {
        const assets = (await bundleWebUi()).map(({ path, contentType, etag, bytes }) => ({
          path,
          contentType,
          etag,
          gzipBase64: Buffer.from(compressAsset(bytes)).toString('base64'),
        }));
        return { contents: `export const EMBEDDED_ASSETS = ${JSON.stringify(assets)};`, loader: 'js' };
      });
    },
  };
}
