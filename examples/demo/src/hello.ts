// The demo's web page: what this device is, for how long it has been up, and how often the page was opened.
// The count is kept in the app's data directory, so it survives restarts and reboots.

import { createServer, type ServerResponse } from 'node:http';
import { hostname, uptime } from 'node:os';
import { page } from './page.ts';
import { VisitCounter } from './visit-counter.ts';

const port = Number(process.env.PORT ?? 8080);
const visits = new VisitCounter(`${process.env.TSK_DATA_DIR ?? '.'}/visits.txt`);

const server = createServer((request, response) => {
  console.log(`${request.method} ${request.url} from ${request.socket.remoteAddress}`);
  switch (request.url) {
    case '/':
      visits.add();
      return send(response, 200, 'text/html; charset=utf-8', page(hostname()));
    case '/state':
      return send(response, 200, 'application/json', JSON.stringify(state()));
    default:
      return send(response, 404, 'text/plain', 'Not found\n');
  }
});

server.listen(port, () => console.log(`Listening on port ${port}`));

function state() {
  return {
    'Device up for': formatDuration(uptime()),
    'This app up for': formatDuration(process.uptime()),
    'Memory of this app': `${Math.round(process.memoryUsage.rss() / 1e6)} MB`,
    'Times this page was opened': `${visits.count}`,
    'Runs on': `Node.js ${process.version}, ${process.arch}`,
  };
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
  response.end(body);
}

function formatDuration(seconds: number): string {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const rest = `${Math.floor(seconds % 60)} s`;
  return hours > 0 ? `${hours} h ${minutes} min ${rest}` : minutes > 0 ? `${minutes} min ${rest}` : rest;
}
