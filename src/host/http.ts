// node:http, for programs that are ES modules: `import` would read all that the module exports, WebSocket among it, and so
// load undici, which costs a run of tsk 50 ms of processor time.

export const http = process.getBuiltinModule('node:http');
