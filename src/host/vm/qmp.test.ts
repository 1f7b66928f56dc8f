import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { serveQmp } from '../../../test/support/machines/qmp-server.ts';
import { QmpClient } from './qmp.ts';

test('QmpClient leaves the negotiation mode, then runs commands in order', async (t) => {
  const seen: string[] = [];
  const path = await serveQmp(t, (command) => {
    seen.push(command.execute);
    return { return: command.arguments ?? {} };
  });
  const client = await QmpClient.connect(path);
  t.after(() => client.close());
  const replies = await Promise.all([client.execute('a', { n: 1 }), client.execute('b', { n: 2 })]);
  assert.deepEqual(replies, [{ n: 1 }, { n: 2 }]);
  assert.deepEqual(seen, ['qmp_capabilities', 'a', 'b']);
});

test('QmpClient asks the human monitor', async (t) => {
  const path = await serveQmp(t, (command) => ({ return: command.arguments?.['command-line'] ?? {} }));
  const client = await QmpClient.connect(path);
  t.after(() => client.close());
  assert.equal(await client.monitor('info usernet'), 'info usernet');
});

test('QmpClient rejects with what QEMU says, and hands on events that come in between', async (t) => {
  const path = await serveQmp(t, ({ execute }, socket) => {
    if (execute === 'qmp_capabilities') return { return: {} };
    socket.write('{"event": "SHUTDOWN", "data": {"guest": true}}\r\n');
    return { error: { class: 'GenericError', desc: 'no such thing' } };
  });
  const client = await QmpClient.connect(path);
  t.after(() => client.close());
  const events: unknown[] = [];
  client.onEvent((event, data) => events.push([event, data]));
  await assert.rejects(client.execute('x'), { message: 'QEMU refuses the command: no such thing' });
  assert.deepEqual(events, [['SHUTDOWN', { guest: true }]]);
});

test('QmpClient rejects what is not answered when QEMU goes', async (t) => {
  const path = await serveQmp(t, ({ execute }, socket) => {
    if (execute === 'qmp_capabilities') return { return: {} };
    socket.destroy();
    return undefined;
  });
  const client = await QmpClient.connect(path);
  const expected = { message: 'QEMU closed its control socket' };
  await assert.rejects(client.execute('quit'), expected);
  await assert.rejects(client.execute('quit'), expected);
  await assert.rejects(QmpClient.connect(join(path, '..', 'nobody')), { code: 'ENOENT' });
});

test('QmpClient gives up a QEMU that is there and says nothing', async (t) => {
  const path = await serveQmp(t, () => undefined);
  await assert.rejects(QmpClient.connect(path, 20), { message: 'QEMU closed its control socket' });
});

test('QmpClient is closed, too, when QEMU goes without having read all that it was sent', async (t) => {
  let qemu: Socket | undefined;
  const path = await serveQmp(t, ({ execute }, socket) => {
    qemu = socket;
    if (execute === 'stop') socket.pause();
    return { return: {} };
  });
  const client = await QmpClient.connect(path);
  await client.execute('stop');
  const lost = assert.rejects(client.execute('quit'));
  qemu?.destroy();
  await lost;
  await client.closed;
});

test('QmpClient is closed, and the command rejected, when QEMU goes in the middle of a line', async (t) => {
  const path = await serveQmp(t, ({ execute }, socket) => {
    if (execute === 'qmp_capabilities') return { return: {} };
    socket.end('{"event":"SHUT');
    return undefined;
  });
  const client = await QmpClient.connect(path);
  await assert.rejects(client.execute('quit'), { message: 'QEMU closed its control socket' });
  await client.closed;
});
