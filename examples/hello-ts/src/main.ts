// A web page that says for how long the device has been up.

import { createServer } from 'node:http';
import { hostname, uptime } from 'node:os';

const port = Number(process.env.PORT ?? 8080);

const server = createServer((request, response) => {
  console.log(`${request.method} ${request.url} from ${request.socket.remoteAddress}`);
  response.setHeader('content-type', 'text/html; charset=utf-8');
  response.end(page());
});

server.listen(port, () => console.log(`Listening on port ${port}`));

function page(): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="1">
<title>${hostname()}</title>
<style>body { font: 1.5rem system-ui; margin: 20vh auto; text-align: center }</style>
<h1>Hello from ${hostname()}</h1>
<p>Up for ${formatDuration(uptime())}</p>
</html>
`;
}

function formatDuration(seconds: number): string {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  return `${hours} h ${minutes} min ${Math.floor(seconds % 60)} s`;
}
