// A server of ws: it sends back what comes, with compression and the subprotocol that was asked for. What it gets as "close" it
// closes with 4002.
//
// Prints {"port": N} when it listens.
import { WebSocketServer } from 'ws';

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: true, maxPayload: 16 * 1024 * 1024 }, () =>
  console.log(JSON.stringify({ port: server.address().port })),
);

server.on('connection', (socket, request) => {
  socket.on('message', (data, isBinary) => {
    const text = isBinary ? '' : data.toString();
    if (text === 'close') socket.close(4002, 'as you wish');
    else if (text === 'token') socket.send(String(/^Bearer [^ ]+$/.test(request.headers.authorization)));
    else socket.send(data, { binary: isBinary });
  });
});
