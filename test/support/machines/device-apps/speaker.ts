// Answers on port 8082 with what tests put into its first lines.

import { createServer } from 'node:http';

const WORD = 'one';
const HEALTH_STATUS = 200;

console.log(`saying ${WORD}`);
createServer((request, response) => {
  response.statusCode = request.url === '/health' ? HEALTH_STATUS : 200;
  response.end(JSON.stringify({ word: WORD, pid: process.pid }));
}).listen(8082);
