// What an app can be made from. A row gives a kind its key in tskrazy.json, its option of `tsk add` and the words that
// people read of it; the row in host/apps/kinds.ts says how it is recognised and built. The two rows and a directory in
// host/apps are all that there is to a kind.

export interface AppKindRow {
  /** What the key in tskrazy.json holds, for editors. */
  value: string;
  /** The same in the table of docs/config.md, with what its readers should know. */
  docs: string;
  /** `tsk add --KIND ARGUMENT` */
  option: { argument: string; text: string };
  /** What `tsk add` recognises, as the message says that it saw none: files, directories, other words. */
  missing: { file?: string; directory?: string; word?: string };
}

export const APP_KINDS = {
  node: {
    value: 'TypeScript or JavaScript entry point, relative to this file; it is bundled with what it imports',
    docs:
      'TypeScript or JavaScript entry point; it is bundled with all that it imports. ' +
      "Packages with native add-ons stay packages, for the board's architecture",
    option: { argument: 'file', text: 'TypeScript or JavaScript entry point' },
    missing: { file: 'no TypeScript or JavaScript file' },
  },
  go: {
    value:
      'Go package: an import path with its version (example.org/cmd/x@v1.2.3) or a local directory (./cmd/x)',
    docs:
      'import path with a version (`example.org/cmd/x@v1.2.3`, `@latest`), or a local directory (`./cmd/x`); ' +
      'needs Go on your computer',
    option: { argument: 'package', text: 'Go import path with version, or local directory' },
    missing: { file: 'no Go file', directory: 'no Go files', word: 'no Go import path' },
  },
  npm: {
    value:
      'Published program for Node.js: name of its npm package, and a range of versions (homebridge@1), a tarball (./my-app-1.0.0.tgz), or the directory of a project that is not bundled (./server)',
    docs:
      'published program for Node.js: an npm package with a range of versions (`homebridge`, `node-red@5`), a tarball (`./my-app-1.0.0.tgz`), the directory of a ' +
      'project of yours that is not to be bundled (`./server`), or `{ "package", "bin" }` where it has several programs; it is installed for the board, with all that it needs: ' +
      '[npm-apps.md](npm-apps.md)',
    option: {
      argument: 'package',
      text: 'published program: npm package, with a range of versions, or directory of a project',
    },
    missing: {},
  },
  binary: {
    value:
      "Static Linux executable, relative to this file; ${arch} stands for the board's architecture (amd64, arm64)",
    docs: 'static Linux executable; `${arch}` stands for `amd64` or `arm64`',
    option: { argument: 'file', text: 'static Linux executable; ${arch} stands for amd64 or arm64' },
    missing: { file: 'no Linux executable' },
  },
} as const satisfies Record<string, AppKindRow>;

export type AppKind = keyof typeof APP_KINDS;

/** Names in the order in which `tsk add` tries the kinds. */
export const APP_KIND_NAMES = Object.keys(APP_KINDS) as readonly AppKind[];
