// Bundles a node app's entry point with esbuild into one file that is not minified; its source map stays on
// the host. CommonJS wherever possible: an ES module that imports node:http costs 16 MB more on the device
// (nodejs/node#59686). Top-level await needs an ES module: there the built-in modules come from
// process.getBuiltinModule, which costs nothing.

import { isBuiltin } from 'node:module';
import { isAbsolute, relative, resolve } from 'node:path';
import { build, type BuildFailure, type BuildOptions, type Metafile, type Plugin } from 'esbuild';
import { bundleError, formatMessage, isBuildFailure } from './bundle-errors.ts';
import { entryMainPlugin } from './entry-main.ts';

export interface BundleRequest {
  appName: string;
  instanceDirectory: string;
  /** As the user wrote it. */
  entry: string;
  plugins: readonly Plugin[];
  /** Directory to search for packages that are not installed beside the instance. */
  fallbackModules: string | undefined;
}

export interface Bundle {
  fileName: 'main.cjs' | 'main.mjs';
  code: string;
  sourceMap: string;
  /** Absolute paths of the files that went in. */
  inputs: string[];
  warnings: string[];
}

/** The Node.js on the device, see the component of that name. */
const TARGET = 'node26';

const TOP_LEVEL_AWAIT = 'Top-level await is currently not supported with the "cjs" output format';

// `import.meta` of every module becomes the bundle's own, as it would in an ES module bundle.
const CJS_BANNER =
  'const __importMeta = { url: require("node:url").pathToFileURL(__filename).href, filename: __filename, ' +
  'dirname: __dirname, main: false, resolve: (specifier) => { const path = require.resolve(specifier); ' +
  'return require("node:path").isAbsolute(path) ? require("node:url").pathToFileURL(path).href : path; } };';
const ESM_BANNER = 'const require = process.getBuiltinModule("node:module").createRequire(import.meta.url);';

export async function bundle(request: BundleRequest): Promise<Bundle> {
  try {
    return await bundleAs('cjs', request);
  } catch (failure) {
    if (!isBuildFailure(failure) || !needsEsm(failure)) throw bundleError(request, failure);
  }
  try {
    return await bundleAs('esm', request);
  } catch (failure) {
    throw bundleError(request, failure);
  }
}

function needsEsm(failure: BuildFailure): boolean {
  return failure.errors.every(({ text }) => text.startsWith(TOP_LEVEL_AWAIT));
}

async function bundleAs(format: 'cjs' | 'esm', request: BundleRequest): Promise<Bundle> {
  const { instanceDirectory, entry, fallbackModules } = request;
  const fileName = format === 'cjs' ? 'main.cjs' : 'main.mjs';
  const result = await build({
    ...FORMATS[format],
    absWorkingDir: instanceDirectory,
    entryPoints: [resolve(instanceDirectory, entry)],
    outfile: resolve(instanceDirectory, fileName),
    plugins: [
      ...(format === 'esm' ? [builtinModulesPlugin] : []),
      entryMainPlugin(resolve(instanceDirectory, entry)),
      ...request.plugins,
    ],
    ...(fallbackModules === undefined ? {} : { nodePaths: [fallbackModules] }),
    bundle: true,
    platform: 'node',
    target: TARGET,
    // A library that is tested for Node.js should not choose its code for browsers.
    sourcemap: 'external',
    sourcesContent: false,
    charset: 'utf8',
    metafile: true,
    write: false,
    logLevel: 'silent',
  });
  const text = (suffix: string): string =>
    portable(result.outputFiles.find(({ path }) => path.endsWith(suffix))?.text ?? '', request);
  return {
    fileName,
    code: text(fileName),
    sourceMap: text(`${fileName}.map`),
    inputs: inputsOf(result.metafile, instanceDirectory),
    warnings: result.warnings.map((message) => formatMessage(message)),
  };
}

const FORMATS: Record<'cjs' | 'esm', BuildOptions> = {
  cjs: { format: 'cjs', banner: { js: CJS_BANNER }, define: { 'import.meta': '__importMeta' } },
  esm: {
    format: 'esm',
    banner: { js: ESM_BANNER },
    // Only free uses are replaced: many an ES module declares its own `__dirname`.
    define: {
      __dirname: 'import.meta.dirname',
      __filename: 'import.meta.filename',
      'import.meta.main': 'false',
    },
  },
};

/** Serves `node:x` as a CommonJS module, so that only what is used of it is evaluated. */
const builtinModulesPlugin: Plugin = {
  name: 'builtin-modules',
  setup(build) {
    build.onResolve({ filter: /^[a-z][\w:/]*$/ }, ({ path }) =>
      isBuiltin(path) ? { path: path.replace(/^(?!node:)/, 'node:'), namespace: 'builtin' } : undefined,
    );
    build.onLoad({ filter: /./, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
      loader: 'js',
    }));
  },
};

/** The bundle names its modules by relative paths; where this machine keeps its cache is not the bundle's business. */
function portable(text: string, { fallbackModules, instanceDirectory }: BundleRequest): string {
  if (fallbackModules === undefined) return text;
  const path = relative(instanceDirectory, fallbackModules).replaceAll('\\', '/');
  return text.replaceAll(`${path}/`, 'node_modules/');
}

function inputsOf(metafile: Metafile, instanceDirectory: string): string[] {
  return Object.keys(metafile.inputs)
    .filter((path) => !/^(?:builtin|native):|^\(disabled\):/.test(path))
    .map((path) => (isAbsolute(path) ? path : resolve(instanceDirectory, path)));
}
