// Tries what docs/CLIENTS.md says of node against a small server that answers as it is told.
//
//     node --experimental-eventsource claims.mjs
//
// Fails at the first claim that does not hold. Prints each one that does.

import { spawn } from "node:child_process";
import { createServer } from "node:net";

const EVENT = 'event: log\nid: 1-0\ndata: {"id":"1-0"}\n\n';

// An answer whose body has no end.
const broken = (header) =>
  `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n${header}Transfer-Encoding: chunked\r\n\r\n` +
  `${EVENT.length.toString(16)}\r\n${EVENT}\r\n`;

function serve(answer) {
  return new Promise((resolve) => {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => socket.end(answer));
    });
    server.listen(0, "127.0.0.1", () => resolve(server));
  });
}

const address = (server) => `http://127.0.0.1:${server.address().port}/`;

function holds(claim, condition) {
  if (!condition) throw new Error(`does not hold: ${claim}`);
  console.log(claim);
}

async function isWhole(header) {
  const server = await serve(broken(header));
  const whole = await fetch(address(server)).then((answer) => answer.text()).then(() => true, () => false);
  server.close();
  return whole;
}

holds("fetch takes a broken body for a whole one where the head says Connection: close", await isWhole("Connection: close\r\n"));
holds("fetch sees that a body is broken otherwise", !(await isWhole("")));

// Another process, whose EventSource is all that it has to do.
const server = await serve(broken(""));
const program = `
  const source = new EventSource("${address(server)}");
  await new Promise(() => {});
`;
const child = spawn(process.execPath, ["--no-warnings", "--experimental-eventsource", "--input-type=module", "--eval", program]);
const code = await new Promise((resolve) => child.on("exit", resolve));
server.close();
holds("the pause of node's EventSource does not keep node running", code === 13);
