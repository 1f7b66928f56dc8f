// Bundles a node app's entry point with esbuild into one file that is not minified; its source map stays on
// the host. CommonJS wherever possible: an ES module that imports node:http costs 16 MB more on the device
// (nodejs/node#59686). Top-level await needs an ES module: there the built-in modules come from
// process.getBuiltinModule, which costs nothing.

import { isBuiltin } from 'node:module';
import { join, relative, resolve, sep } from 'node:path';
import { build, type BuildOptions, type Metafile, type Plugin } from 'esbuild';
import type { NodeLine } from '../../../shared/services/node-lines.ts';
import { NODE_VERSIONS } from '../../components/node-versions.ts';
import { bundleError, formatMessage, isBuildFailure, isTopLevelAwait } from './bundle-errors.ts';
import { decoratorMetadataPlugin, type DecoratorCompiler } from './decorator-metadata.ts';
import { entryMainPlugin } from './entry-main.ts';
import { isOfMetadataTypes } from './metadata-types.ts';
import type { OutsidePackages } from './outside-packages.ts';
import type { StagedPackages } from '../packages/npm-stage.ts';
import { sdkPlugin } from './sdk-plugin.ts';
import { refuseStrayImports } from './stray-imports.ts';

export interface BundleRequest {
  appName: string;
  /** Absent: the image's. */
  nodeVersion: NodeLine | undefined;
  instanceDirectory: string;
  /** Path as the user wrote it. */
  entry: string;
  /** Decides which packages stay outside, and collects them. */
  outside: OutsidePackages;
  decorators: DecoratorCompiler | undefined;
  /** Packages from the cache, for an app whose packages are not installed beside it. */
  staged: StagedPackages | undefined;
}

export interface Bundle {
  fileName: 'main.cjs' | 'main.mjs';
  code: string;
  sourceMap: string;
  /** Absolute paths of the files that went in. */
  inputs: string[];
  warnings: string[];
}

// `import.meta` of every module becomes the bundle's own, as it would in an ES module bundle.
const CJS_BANNER =
  'const __importMeta = { url: require("node:url").pathToFileURL(__filename).href, filename: __filename, ' +
  'dirname: __dirname, main: false, resolve: (specifier) => { const path = require.resolve(specifier); ' +
  'return require("node:path").isAbsolute(path) ? require("node:url").pathToFileURL(path).href : path; } };';
const ESM_BANNER = 'const require = process.getBuiltinModule("node:module").createRequire(import.meta.url);';

const [IMAGE_NODE] = NODE_VERSIONS.node.split('.');

type Format = 'cjs' | 'esm';

export async function bundle(request: BundleRequest): Promise<Bundle> {
  const { outside, instanceDirectory } = request;
  let format: Format = 'cjs';
  for (;;) {
    try {
      const result = await bundleAs(format, request);
      const isRightFormat: boolean = format === 'esm' || !outside.needsEsm;
      if (isRightFormat && !outside.mustRepeat) return result;
      if (!isRightFormat) format = 'esm';
    } catch (failure) {
      if (!isBuildFailure(failure)) throw failure;
      const errors = failure.errors.filter((error) => format === 'esm' || !isTopLevelAwait(error));
      if (errors.length > 0 && !outside.takeOut(errors, instanceDirectory))
        throw bundleError(request, failure);
      if (errors.length < failure.errors.length) format = 'esm';
    }
  }
}

async function bundleAs(format: Format, request: BundleRequest): Promise<Bundle> {
  const { instanceDirectory, entry, outside, decorators, staged, nodeVersion } = request;
  const fileName = format === 'cjs' ? 'main.cjs' : 'main.mjs';
  const entryPath = resolve(instanceDirectory, entry);
  const result = await build({
    ...FORMATS[format],
    absWorkingDir: instanceDirectory,
    entryPoints: [entryPath],
    outfile: resolve(instanceDirectory, fileName),
    plugins: [
      sdkPlugin,
      ...(format === 'esm' ? [builtinModulesPlugin] : []),
      // Of two plugins that load a file the first one does.
      ...(decorators?.compile ? [decoratorMetadataPlugin(decorators.compile, entryPath)] : []),
      entryMainPlugin(entryPath),
      outside.plugin(format === 'esm'),
    ],
    nodePaths: staged
      ? [staged.directory, staged.rootDirectory].map((path) => join(path, 'node_modules'))
      : [],
    bundle: true,
    // Both compilers make `let Clock = class Clock`, of which the bundler would name the class `Clock2`. Frameworks go by
    // names of classes: TypeORM names tables by them.
    keepNames: decorators?.compile !== undefined,
    platform: 'node',
    target: `node${nodeVersion ?? IMAGE_NODE}`,
    sourcemap: 'external',
    sourcesContent: false,
    charset: 'utf8',
    metafile: true,
    write: false,
    logLevel: 'silent',
  });
  refuseStrayImports(result.metafile, request, isFile);
  outside.review(bundledFiles(result.metafile, instanceDirectory));
  const output = (suffix: string): string =>
    portable(result.outputFiles.find(({ path }) => path.endsWith(suffix))?.text ?? '', request);
  return {
    fileName,
    code: output(fileName),
    sourceMap: output(`${fileName}.map`),
    inputs: inputsOf(result.metafile, instanceDirectory),
    warnings: result.warnings
      .filter((message) => !isOfMetadataTypes(message))
      .map((message) => formatMessage(message)),
  };
}

const FORMATS: Record<Format, BuildOptions> = {
  cjs: { format: 'cjs', banner: { js: CJS_BANNER }, define: { 'import.meta': '__importMeta' } },
  esm: {
    format: 'esm',
    banner: { js: ESM_BANNER },
    // Free uses alone are replaced: many an ES module declares its own `__dirname`.
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

/** The bundle names its modules by relative paths; where this machine has its cache is not the bundle's business. */
function portable(text: string, { staged, instanceDirectory }: BundleRequest): string {
  if (!staged) return text;
  const path = relative(instanceDirectory, staged.rootDirectory).replaceAll(sep, '/');
  return text.replaceAll(`${path}/`, '');
}

function inputsOf(metafile: Metafile, instanceDirectory: string): string[] {
  return Object.keys(metafile.inputs)
    .filter(isFile)
    .map((path) => resolve(instanceDirectory, path));
}

/** Of the inputs those that something is left of. */
function bundledFiles({ outputs }: Metafile, instanceDirectory: string): string[] {
  return Object.values(outputs)
    .flatMap(({ inputs }) => Object.entries(inputs))
    .filter(([path, { bytesInOutput }]) => bytesInOutput > 0 && isFile(path))
    .map(([path]) => resolve(instanceDirectory, path));
}

/** Not a module that a plugin made up. */
function isFile(path: string): boolean {
  return !/^(?:builtin|outside|tskrazy):|^\(disabled\):|^<?data:/.test(path);
}
