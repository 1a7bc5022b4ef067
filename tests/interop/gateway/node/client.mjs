// A client of ws: `node client.mjs URL`. What it sends comes back as it was, or it fails.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { WebSocket } from 'ws';

const socket = new WebSocket(process.argv[2], ['chat'], { perMessageDeflate: true });
await once(socket, 'open');
assert.equal(socket.extensions.split(';')[0], 'permessage-deflate');

async function back(data) {
  socket.send(data);
  const [message, isBinary] = await once(socket, 'message');
  return isBinary ? message : message.toString();
}

assert.equal(await back('token'), 'true');
assert.equal(await back('Straße'), 'Straße');
for (const data of [randomBytes(1 << 20), Buffer.alloc(1 << 20), Buffer.alloc(0)]) assert.deepEqual(await back(data), data);
const pong = once(socket, 'pong');
socket.ping('are you there?');
assert.equal((await pong)[0].toString(), 'are you there?');
socket.send('close');
const [code, reason] = await once(socket, 'close');
assert.deepEqual([code, reason.toString()], [4002, 'as you wish']);
