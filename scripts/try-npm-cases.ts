// What scripts/try-npm.ts does with a package beyond importing it: a little of what its readme begins with, none of
// which needs a server or a network. Each ends by itself or says `started()`.

export interface TryCase {
  /** ES module. `started()` says that all is well and ends the process. */
  code: string;
  /** Beside the program. */
  files?: Readonly<Record<string, string>>;
  include?: readonly { from: string; to: string }[];
}

const answers = (open: string, path = '/'): string => `
  ${open}
  const response = await fetch('http://127.0.0.1:' + port + '${path}');
  if (!response.ok || !(await response.text()).includes('hello')) throw new Error('it answers ' + response.status);
  started();`;

/** By what is written on the command line: packages with "+" between them. */
export const TRY_CASES: Readonly<Record<string, TryCase>> = {
  express: {
    code: `import express from 'express';
      const app = express(); app.get('/', (_, r) => r.send('hello'));
      ${answers("const server = app.listen(0); await new Promise((r) => server.on('listening', r)); const { port } = server.address();")}`,
  },
  'express+ejs': {
    code: `import express from 'express';
      const app = express(); app.set('view engine', 'ejs'); app.set('views', process.env.TSK_APP_DIR + '/views');
      app.get('/', (_, r) => r.render('page', { word: 'hello' }));
      ${answers("const server = app.listen(0); await new Promise((r) => server.on('listening', r)); const { port } = server.address();")}`,
    files: { 'views/page.ejs': '<p><%= word %></p>' },
    include: [{ from: './views', to: 'views' }],
  },
  fastify: {
    code: `import fastify from 'fastify';
      const app = fastify({ logger: true });
      app.get('/', { schema: { response: { 200: { type: 'string' } } } }, async () => 'hello');
      ${answers("await app.listen({ port: 0, host: '127.0.0.1' }); const { port } = app.server.address();")}`,
  },
  'fastify+@fastify/static': {
    code: `import fastify from 'fastify'; import files from '@fastify/static';
      const app = fastify(); app.register(files, { root: process.env.TSK_APP_DIR + '/public' });
      ${answers("await app.listen({ port: 0, host: '127.0.0.1' }); const { port } = app.server.address();", '/a.txt')}`,
    files: { 'public/a.txt': 'hello' },
    include: [{ from: './public', to: 'public' }],
  },
  'fastify+@fastify/swagger+@fastify/swagger-ui': {
    code: `import fastify from 'fastify'; import swagger from '@fastify/swagger'; import ui from '@fastify/swagger-ui';
      const app = fastify(); await app.register(swagger, { openapi: { info: { title: 'hello', version: '1' } } }); await app.register(ui);
      ${answers("await app.listen({ port: 0, host: '127.0.0.1' }); const { port } = app.server.address();", '/documentation/json')}`,
  },
  koa: {
    code: `import Koa from 'koa';
      const app = new Koa(); app.use((c) => { c.body = 'hello'; });
      ${answers("const server = app.listen(0); await new Promise((r) => server.on('listening', r)); const { port } = server.address();")}`,
  },
  'hono+@hono/node-server': {
    code: `import { Hono } from 'hono'; import { serve } from '@hono/node-server';
      const app = new Hono(); app.get('/', (c) => c.text('hello'));
      ${answers('const port = await new Promise((r) => serve({ fetch: app.fetch, port: 0 }, (info) => r(info.port)));')}`,
  },
  'pino+pino-pretty': {
    code: `import pino from 'pino';
      const transport = pino.transport({ target: 'pino-pretty', options: { destination: 1, sync: true } });
      transport.on('ready', () => { pino(transport).info('hello'); setTimeout(started, 300); });
      transport.on('error', (error) => { throw error; });`,
  },
  'pino+pino-roll': {
    code: `import pino from 'pino'; import { tmpdir } from 'node:os';
      const transport = pino.transport({ target: 'pino-roll', options: { file: tmpdir() + '/x.log' } });
      transport.on('ready', started); transport.on('error', (error) => { throw error; });`,
  },
  winston: {
    code: `import winston from 'winston';
      winston.createLogger({ transports: [new winston.transports.Console()] }).info('hello'); started();`,
  },
  piscina: {
    code: `import { Piscina } from 'piscina';
      const pool = new Piscina({ filename: process.env.TSK_APP_DIR + '/work.mjs', maxThreads: 1 });
      if ((await pool.run(20)) !== 21) throw new Error('wrong'); started();`,
    files: { 'work.mjs': 'export default (n) => n + 1;' },
    include: [{ from: './work.mjs', to: 'work.mjs' }],
  },
  'knex+better-sqlite3': {
    code: `import knex from 'knex';
      const db = knex({ client: 'better-sqlite3', connection: { filename: ':memory:' }, useNullAsDefault: true });
      await db.raw('select 1'); started();`,
  },
  'knex+pg': {
    code: `import knex from 'knex';
      if (!knex({ client: 'pg' })('t').where({ a: 1 }).toString().includes('"a" = 1')) throw new Error('wrong'); started();`,
  },
  'sequelize+pg': {
    code: `import { Sequelize } from 'sequelize'; new Sequelize('postgres://u:p@127.0.0.1:9/x', { logging: false }); started();`,
  },
  'typeorm+reflect-metadata+pg': {
    code: `import 'reflect-metadata'; import { DataSource } from 'typeorm';
      const source = new DataSource({ type: 'postgres', host: '127.0.0.1', port: 9, entities: [] });
      await source.initialize().catch((error) => { if (error.code !== 'ECONNREFUSED') throw error; }); started();`,
  },
  'drizzle-orm+pg': {
    code: `import { drizzle } from 'drizzle-orm/node-postgres'; drizzle('postgres://u:p@127.0.0.1:9/x'); started();`,
  },
  'socket.io': {
    code: `import { createServer } from 'node:http'; import { Server } from 'socket.io';
      const http = createServer(); new Server(http); await new Promise((r) => http.listen(0, r));
      const answer = await fetch('http://127.0.0.1:' + http.address().port + '/socket.io/socket.io.js');
      if (!answer.ok) throw new Error('the client is not served: ' + answer.status); started();`,
  },
  'swagger-ui-express+express': {
    code: `import express from 'express'; import ui from 'swagger-ui-express';
      const app = express(); app.use('/', ui.serve, ui.setup({ openapi: '3.0.0', info: { title: 'hello', version: '1' }, paths: {} }));
      const server = app.listen(0); await new Promise((r) => server.on('listening', r));
      const answer = await fetch('http://127.0.0.1:' + server.address().port + '/swagger-ui.css');
      if (!answer.ok || !(await answer.text()).includes('.swagger-ui')) throw new Error('no style sheet'); started();`,
  },
  handlebars: {
    code: `import Handlebars from 'handlebars'; if (Handlebars.compile('{{a}}')({ a: 1 }) !== '1') throw new Error('wrong'); started();`,
  },
  pug: {
    code: `import pug from 'pug'; if (pug.render('p hello') !== '<p>hello</p>') throw new Error('wrong'); started();`,
  },
  moment: {
    code: `import moment from 'moment'; moment.locale('de');
      if (moment('2026-03-01').format('MMMM') !== 'März') throw new Error('no locale'); started();`,
  },
  'graphql+@apollo/server': {
    code: `import { ApolloServer } from '@apollo/server'; import { startStandaloneServer } from '@apollo/server/standalone';
      const server = new ApolloServer({ typeDefs: 'type Query { a: String }', resolvers: { Query: { a: () => 'hello' } } });
      const { url } = await startStandaloneServer(server, { listen: { port: 0, host: '127.0.0.1' } });
      const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"query":"{a}"}' });
      if (!(await answer.text()).includes('hello')) throw new Error('wrong'); started();`,
  },
  '@nestjs/core+@nestjs/common+@nestjs/platform-express+reflect-metadata+rxjs': {
    code: `import 'reflect-metadata'; import { NestFactory } from '@nestjs/core'; import { Controller, Get, Module } from '@nestjs/common';
      class Page { hello() { return 'hello'; } }
      Controller()(Page); Get()(Page.prototype, 'hello', Object.getOwnPropertyDescriptor(Page.prototype, 'hello'));
      class App {} Module({ controllers: [Page] })(App);
      const app = await NestFactory.create(App, { logger: ['error'] });
      ${answers('await app.listen(0); const { port } = app.getHttpServer().address();')}`,
  },
  sharp: {
    code: `import sharp from 'sharp';
      await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } }).png().toBuffer(); started();`,
  },
  jsonwebtoken: {
    code: `import jwt from 'jsonwebtoken'; if (jwt.verify(jwt.sign({ a: 1 }, 'k'), 'k').a !== 1) throw new Error('wrong'); started();`,
  },
  'node-red': {
    code: `import red from 'node-red'; import { createServer } from 'node:http'; import { mkdtempSync } from 'node:fs'; import { tmpdir } from 'node:os';
      red.init(createServer(), { userDir: mkdtempSync(tmpdir() + '/red-'), httpAdminRoot: '/', httpNodeRoot: '/', logging: { console: { level: 'error' } } });
      await red.start(); started();`,
  },
};
