// A server that a test tells what to answer.
import { createServer } from "node:http";

/** Starts one. `answer(request, response, body)` answers; what came is in `came`. */
export async function serve(answer) {
	const came = [];
	const server = createServer(async (request, response) => {
		const parts = [];
		for await (const part of request) parts.push(part);
		const body = Buffer.concat(parts).toString();
		came.push({ method: request.method, path: request.url, body, at: performance.now() });
		answer(request, response, body, came.length);
	});
	await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
	const close = () => {
		server.closeAllConnections();
		server.close();
	};
	return { came, close, url: `http://127.0.0.1:${server.address().port}` };
}

/** Says when to come back; as the gateway does, if `sent` is given. */
export function later(response, { status = 503, after = "1", sent, fields } = {}) {
	const type = sent === undefined ? "text/plain" : "application/problem+json";
	response.writeHead(status, { "content-type": type, ...(after && { "retry-after": after }), ...fields });
	response.end(sent === undefined ? "later" : JSON.stringify({ status, sent }));
}
