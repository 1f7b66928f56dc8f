import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { type FileServer, startFileServer } from '../../../test/support/builds/file-server.ts';
import { downloadFile, type DownloadOptions, downloadText } from './download.ts';

const BYTES = randomBytes(200_000);
const QUICK = { retryDelayMs: 1 };

/** Breaks the connection at each of these sums of bytes, when they are on the disk. */
function breakAt(server: FileServer, ...sums: number[]): NonNullable<DownloadOptions['onBytes']> {
  let reached = 0;
  return (bytes) => {
    reached += bytes;
    if (reached !== sums[0]) return;
    sums.shift();
    server.breakConnection();
  };
}

async function inDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tsk-download-'));
  t.after(() => rm(directory, { recursive: true }));
  return directory;
}

/** Accepts `bytes` only. */
function verifier(bytes: Uint8Array): DownloadOptions['verify'] {
  return async (path) => {
    if (!(await readFile(path)).equals(bytes)) throw new Error('wrong content');
  };
}

test('downloadFile writes the file, reports its size and leaves nothing else', async (t) => {
  const directory = await inDirectory(t);
  const server = await startFileServer(t, { '/file': BYTES });
  let reported = 0;
  let total: number | undefined;
  await downloadFile({
    url: `${server.url}/file`,
    destination: join(directory, 'file'),
    verify: verifier(BYTES),
    onBytes(bytes, totalBytes) {
      reported += bytes;
      total = totalBytes;
    },
  });
  assert.deepEqual(await readdir(directory), ['file']);
  assert.deepEqual([reported, total], [BYTES.length, BYTES.length]);
});

test('downloadFile goes on where the connection broke', async (t) => {
  const directory = await inDirectory(t);
  const server = await startFileServer(t, { '/file': { bytes: BYTES, cuts: [90_000, 50_000] } });
  let reported = 0;
  const onCut = breakAt(server, 90_000, 140_000);
  await downloadFile({
    url: `${server.url}/file`,
    destination: join(directory, 'file'),
    verify: verifier(BYTES),
    onBytes(bytes, total) {
      reported += bytes;
      onCut(bytes, total);
    },
    ...QUICK,
  });
  assert.deepEqual(server.requests, ['GET /file', 'GET /file bytes=90000-', 'GET /file bytes=140000-']);
  assert.equal(reported, BYTES.length);
});

test('downloadFile starts again when the server offers nothing to resume with', async (t) => {
  const directory = await inDirectory(t);
  const server = await startFileServer(t, {
    '/file': { bytes: BYTES, cuts: [90_000], isAnonymous: true },
  });
  await downloadFile({
    url: `${server.url}/file`,
    destination: join(directory, 'file'),
    verify: verifier(BYTES),
    onBytes: breakAt(server, 90_000),
    ...QUICK,
  });
  assert.deepEqual(server.requests, ['GET /file', 'GET /file']);
});

test('downloadFile resumes what an earlier process left', async (t) => {
  const directory = await inDirectory(t);
  const server = await startFileServer(t, { '/file': { bytes: BYTES, cuts: [90_000] } });
  const options = {
    url: `${server.url}/file`,
    destination: join(directory, 'file'),
    verify: verifier(BYTES),
    ...QUICK,
  };
  await assert.rejects(downloadFile({ ...options, tries: 1, onBytes: breakAt(server, 90_000) }));
  assert.deepEqual((await readdir(directory)).sort(), ['file.part', 'file.part.from']);
  await downloadFile(options);
  assert.deepEqual(server.requests, ['GET /file', 'GET /file bytes=90000-']);
  assert.deepEqual(await readdir(directory), ['file']);
});

test('downloadFile starts again when the file changed since the first try', async (t) => {
  const directory = await inDirectory(t);
  const server = await startFileServer(t, { '/file': { bytes: BYTES, cuts: [90_000] } });
  const options = { url: `${server.url}/file`, destination: join(directory, 'file'), ...QUICK };
  const onBytes = breakAt(server, 90_000);
  await assert.rejects(downloadFile({ ...options, verify: verifier(BYTES), tries: 1, onBytes }));
  const newer = randomBytes(120_000);
  server.files.set('/file', { bytes: newer });
  await downloadFile({ ...options, verify: verifier(newer) });
  assert.deepEqual(await readFile(options.destination), newer);
});

test('downloadFile starts again once when a resumed file turns out wrong', async (t) => {
  const directory = await inDirectory(t);
  const server = await startFileServer(t, { '/file': { bytes: BYTES, cuts: [90_000] } });
  const options = {
    url: `${server.url}/file`,
    destination: join(directory, 'file'),
    verify: verifier(BYTES),
    ...QUICK,
  };
  await assert.rejects(downloadFile({ ...options, tries: 1, onBytes: breakAt(server, 90_000) }));
  await writeFile(`${options.destination}.part`, randomBytes(90_000));
  await downloadFile(options);
  assert.deepEqual(server.requests.slice(1), ['GET /file bytes=90000-', 'GET /file']);
});

test('downloadFile survives a .part file that is longer than the file', async (t) => {
  const directory = await inDirectory(t);
  const server = await startFileServer(t, { '/file': { bytes: BYTES, cuts: [90_000] } });
  const options = {
    url: `${server.url}/file`,
    destination: join(directory, 'file'),
    verify: verifier(BYTES),
    ...QUICK,
  };
  await assert.rejects(downloadFile({ ...options, tries: 1, onBytes: breakAt(server, 90_000) }));
  await writeFile(`${options.destination}.part`, randomBytes(300_000));
  await downloadFile(options);
  assert.deepEqual(await readFile(options.destination), BYTES);
});

test('downloadFile leaves nothing behind when the content is wrong', async (t) => {
  const directory = await inDirectory(t);
  const server = await startFileServer(t, { '/file': BYTES });
  const destination = join(directory, 'file');
  const verify = verifier(Buffer.from('something else'));
  await assert.rejects(downloadFile({ url: `${server.url}/file`, destination, verify }), /wrong content/);
  assert.deepEqual(await readdir(directory), []);
  assert.equal(server.requests.length, 1);
});

test('downloadFile retries an overloaded server, but not a missing file', async (t) => {
  const directory = await inDirectory(t);
  const server = await startFileServer(t, { '/file': { bytes: BYTES, statuses: [503, 429] } });
  const options = { destination: join(directory, 'file'), verify: verifier(BYTES), ...QUICK };
  await downloadFile({ ...options, url: `${server.url}/file` });
  assert.equal(server.requests.length, 3);
  await assert.rejects(downloadFile({ ...options, url: `${server.url}/missing` }), {
    name: 'HttpStatusError',
    status: 404,
    message: `the server answered 404 (not found) for "${server.url}/missing"`,
  });
  assert.equal(server.requests.length, 4);
});

test('downloadFile gives up on a server that stays silent', async (t) => {
  const directory = await inDirectory(t);
  const sockets: Socket[] = [];
  const silent = createServer((socket) => void sockets.push(socket.on('error', () => {}).resume()));
  await new Promise<void>((resolve) => void silent.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    silent.close();
  });
  const { port } = silent.address() as { port: number };
  const download = downloadFile({
    url: `http://127.0.0.1:${port}/file`,
    destination: join(directory, 'file'),
    verify: verifier(BYTES),
    tries: 2,
    idleTimeoutMs: 20,
    ...QUICK,
  });
  await assert.rejects(download, /no data for 0\.02 s/);
});

test('downloadText sends the credentials of the address as a header, not in messages', async (t) => {
  const server = await startFileServer(t, { '/list': 'v1.0.0\n' });
  const url = server.url.replace('http://', 'http://user:secret@');
  assert.equal(await downloadText(`${url}/list`), 'v1.0.0\n');
  await assert.rejects(downloadText(`${url}/missing`), (error: Error) => !error.message.includes('secret'));
});
