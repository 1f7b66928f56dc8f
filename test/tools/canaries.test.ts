// An image of an instance in which each place where people keep secrets has one, with a toolbox and an environment of the
// same kind: none of them is found in what was built, but for the app's own secret at its place.

import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join, relative } from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { defaultCacheDirectory } from '../../src/host/cache-directory.ts';
import { decodeAppSecrets, secretsFileOf } from '../../src/shared/services/app-secrets.ts';
import { makeTarball } from '../support/builds/npm-instance.ts';
import { makeRoot, runTsk } from '../support/cli/instances.ts';
import { requireTool } from '../support/require-tool.ts';

const root = makeRoot('canaries');
const instance = join(root, 'garden');
const home = join(root, 'home');

const BEGINNING = 'CANARY';
/** Each is a word that stands nowhere else, by the place that it is put into. */
const canaries = new Map<string, string>();
/** Those that the build draws. */
const drawn = new Map<string, string>();
function canary(place: string): string {
  const word = `${BEGINNING}${Buffer.from(place).toString('hex').slice(0, 40)}`;
  canaries.set(place, word);
  return word;
}

const OPENSSH_KEY = (place: string): string =>
  `-----BEGIN OPENSSH PRIVATE KEY-----\n${canary(place)}\n-----END OPENSSH PRIVATE KEY-----\n`;

const FILES: Readonly<Record<string, string>> = {
  '.env': `API_TOKEN=${canary('.env')}\n`,
  '.git/config': `[remote "origin"]\n\turl = https://me:${canary('.git/config')}@host.invalid/garden.git\n`,
  '.git/HEAD': 'ref: refs/heads/main\n',
  '.npmrc': `//registry.invalid/:_authToken=${canary('.npmrc')}\n`,
  '.netrc': `machine host.invalid password ${canary('.netrc')}\n`,
  '.aws/credentials': canary('.aws/credentials'),
  'data/.env.production': canary('.env below an included directory'),
  'data/page.html': '<p>',
  'data/deploy.txt': OPENSSH_KEY('an SSH key with another name'),
  'data/account.json': JSON.stringify({
    private_key: `-----BEGIN PRIVATE KEY-----\n${canary('a service account')}\n`,
  }),
  'data/signing.json': JSON.stringify({
    kty: 'OKP',
    crv: 'Ed25519',
    d: canary('a JWK that signs for an account'),
    x: 'AA',
  }),
  'data/package.json': JSON.stringify({
    dependencies: { a: `git+https://${canary('a token as the user of an address')}@host.invalid/a.git` },
  }),
  'data/yarn.lock': `a@^1.0.0:\n  resolved "https://host.invalid/a.tgz?token=${canary('a token in a query')}"\n`,
  'src/main.ts': "import 'remote';\nconsole.log(process.env['NPM_TOKEN']);\n",
  'cmd/tick/go.mod': 'module tick\n\ngo 1.24\n',
  'cmd/tick/main.go': 'package main\n\nfunc main() {}\n',
};

const HOME_FILES: Readonly<Record<string, string>> = {
  '.npmrc': `//registry.invalid/:_password=${canary('the .npmrc of the user')}\n`,
  '.netrc': `machine proxy.invalid password ${canary('the .netrc of the user')}\n`,
  '.gitconfig': `[url "https://me:${canary('the .gitconfig of the user')}@host.invalid"]\n\tinsteadOf = x\n`,
  '.ssh/id_ed25519': OPENSSH_KEY('the SSH key of the user'),
};

function putFiles(directory: string, files: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), content);
  }
}

/** Its address has a password, as addresses of private servers do; npm writes it into the lock file, and beside the packages. */
async function servePackage(t: TestContext): Promise<string> {
  const tarball = await makeTarball('remote', { files: { 'index.js': 'exports.text = "remote";' } });
  const server = createServer((_request, response) => response.end(tarball)).listen(0, '127.0.0.1');
  t.after(() => server.close().closeAllConnections());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return `http://me:${canary('the address of a package')}@127.0.0.1:${port}/remote-1.0.0.tgz`;
}

const environment: Readonly<Record<string, string>> = {
  HOME: home,
  NPM_TOKEN: canary('NPM_TOKEN'),
  'npm_config_//registry.invalid/:_authToken': canary('the environment of npm'),
  GITHUB_TOKEN: canary('GITHUB_TOKEN'),
  GOPRIVATE: `${canary('GOPRIVATE')}.invalid`,
  // Caches hold what was downloaded and built, and cost minutes to fill.
  XDG_CACHE_HOME: dirname(defaultCacheDirectory()),
};

test('what people keep secret is not found in an image, but for the secrets of the app at their place', async (t) => {
  const tools = ['npm', 'go', 'unsquashfs'].map((name) => requireTool(t, name));
  if (tools.includes(undefined)) return;
  const [, go = '', unsquashfs = ''] = tools as string[];
  putFiles(instance, FILES);
  putFiles(home, HOME_FILES);
  await configure(await servePackage(t));
  const goCache = execFileSync(go, ['env', 'GOCACHE', 'GOMODCACHE'], { encoding: 'utf8' }).split('\n');
  const env = { ...environment, GOCACHE: goCache[0] ?? '', GOMODCACHE: goCache[1] ?? '' };
  for (const [app, name] of [
    ['sensor', 'API_TOKEN'],
    ['other', 'KEY'],
  ] as const) {
    const path = join(root, name);
    writeFileSync(path, canary(`the secret of ${app}`));
    execFileSync('sh', ['-c', `node bin/tsk.ts -i "$0" secret set ${app} ${name} < "$1"`, instance, path], {
      cwd: join(import.meta.dirname, '../..'),
    });
  }

  const outputs = ['disk', 'boot', 'root', 'archive'].map(
    (kind) => [kind, join(root, `garden.${kind === 'archive' ? 'tar' : kind}`)] as const,
  );
  const { code, stdout, stderr } = await runTsk(
    ['-i', instance, 'build', '--json', ...outputs.flatMap(([kind, path]) => [`--${kind}`, path])],
    { env },
  );
  assert.equal(code, 0, stdout + stderr);
  for (const name of ['password', 'update-key.pem']) {
    const text = readFileSync(join(instance, '.tskrazy', name), 'utf8');
    drawn.set(name, text.split('\n').find((line) => !line.startsWith('-----')) ?? '');
  }

  assert.deepEqual(findCanaries('the output', Buffer.from(stdout + stderr)), []);
  for (const [kind, path] of outputs) {
    assert.equal(statSync(path).mode & 0o777, kind === 'boot' ? 0o644 : 0o600, kind);
    if (kind !== 'disk') assert.deepEqual(findCanaries(kind, readFileSync(path)), []);
  }
  const tree = join(root, 'tree');
  execFileSync(unsquashfs, ['-no-xattrs', '-d', tree, join(root, 'garden.root')], { stdio: 'ignore' });
  const found = filesBelow(tree).flatMap((path) =>
    findCanaries(`/${relative(tree, path)}`, readFileSync(path)),
  );
  assert.deepEqual(found, [
    `${secretsFileOf('other')} has the secret of other`,
    `${secretsFileOf('sensor')} has the secret of sensor`,
  ]);
  const secrets = join(tree, secretsFileOf('sensor'));
  assert.deepEqual(
    [secrets, dirname(secrets)].map((path) => statSync(path).mode & 0o777),
    [0o400, 0o700],
  );
  const { API_TOKEN, ...others } = decodeAppSecrets(readFileSync(secrets, 'utf8'));
  assert.deepEqual(
    [Buffer.from(API_TOKEN ?? []).toString(), others],
    [canaries.get('the secret of sensor'), {}],
  );
  // The test looks where it means to: these are there.
  for (const path of ['app/sensor/data/page.html', 'app/sensor/node_modules/remote/index.js', 'user/tick'])
    assert.ok(statSync(join(tree, path)).isFile(), path);
});

async function configure(packageAddress: string): Promise<void> {
  const config = {
    hostname: 'garden',
    board: 'pc-amd64',
    apps: {
      sensor: {
        node: './src/main.ts',
        include: [
          { from: '.', to: 'project' },
          { from: './data', to: 'data' },
        ],
        dependencies: { unbundled: ['remote'] },
        secrets: ['API_TOKEN'],
      },
      other: { node: './src/main.ts', secrets: ['KEY'] },
      tick: { go: './cmd/tick' },
    },
  };
  writeFileSync(join(instance, 'tskrazy.json'), JSON.stringify(config));
  writeFileSync(
    join(instance, 'package.json'),
    JSON.stringify({ name: 'garden', version: '1.0.0', dependencies: { remote: packageAddress } }),
  );
  const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund'];
  await promisify(execFile)('npm', args, { cwd: instance });
}

/** Searches a large file a few times rather than once for each word. */
function findCanaries(place: string, content: Buffer): string[] {
  const all = [...drawn, ...(isSuspicious(content) ? canaries : [])];
  return all.flatMap(([name, word]) => {
    const isThere = content.includes(word) || content.includes(base64(word));
    return isThere ? [`${place} has ${name}`] : [];
  });
}

function isSuspicious(content: Buffer): boolean {
  return content.includes(BEGINNING) || content.includes(base64(BEGINNING));
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** Node.js itself would follow links into this computer's own directories. */
function filesBelow(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return filesBelow(path);
    return entry.isFile() ? [path] : [];
  });
}
