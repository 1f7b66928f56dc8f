// Counts who has asked, in a database of the app's own directory in /perm. node:sqlite is a part of Node.js.

import { DatabaseSync } from 'node:sqlite';
import fastify from 'fastify';

const database = new DatabaseSync('visits.db');
// With the write-ahead log a power cut loses at most what was not yet said to be there.
database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
database.exec('CREATE TABLE IF NOT EXISTS visits (address TEXT PRIMARY KEY, count INTEGER NOT NULL)');
const visit = database.prepare(
  'INSERT INTO visits VALUES (?, 1) ON CONFLICT (address) DO UPDATE SET count = count + 1 RETURNING count',
);

const server = fastify();
server.get('/', () => database.prepare('SELECT * FROM visits').all());
server.post('/', ({ ip }) => visit.get(ip));
await server.listen({ host: '0.0.0.0', port: Number(process.env['PORT'] ?? 3000) });
