// What is behind and in front of the gateway: an authorization server and an API in one, a server of pages, and the gateway itself.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

// Longer than anything here takes on a slow machine, in milliseconds.
export const LONG = 60_000;
const SECRET = "a secret of nobody";
const MODULE = readFileSync(new URL("../../clients/js/evergrant-queue.js", import.meta.url));

export const pause = (ms) => new Promise((over) => setTimeout(over, ms));

/** Waits until this is so; what it is, for whoever waits in vain. */
export async function until(isSo, what) {
	for (const end = Date.now() + LONG; ; await pause(20)) {
		const found = await isSo();
		if (found) return found;
		if (Date.now() > end) throw new Error(`it never was: ${what}`);
	}
}

async function listen(answer) {
	const server = createServer(async (request, response) => {
		const parts = [];
		try {
			for await (const part of request) parts.push(part);
		} catch {
			return; // It broke off.
		}
		answer(request, response, Buffer.concat(parts).toString());
	});
	await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
	const close = () => {
		server.closeAllConnections();
		return new Promise((closed) => server.close(closed));
	};
	return { url: `http://127.0.0.1:${server.address().port}`, port: server.address().port, close };
}

/** The token endpoint at /token, and an API everywhere else. */
export async function behind() {
	const state = { isDown: false, asked: 0, granted: 0, refused: 0, came: [], valid: new Set() };
	const server = await listen((request, response, body) => {
		const say = (status, document, fields) => {
			response.writeHead(status, { "content-type": "application/json", ...fields });
			response.end(JSON.stringify(document));
		};
		if (request.url === "/token") {
			state.asked += 1;
			if (state.isDown) return say(503, { error: "temporarily_unavailable" }, { "retry-after": "1" });
			const token = `token-${(state.granted += 1)}`;
			state.valid.add(token);
			return say(200, { access_token: token, token_type: "Bearer", expires_in: 3600 });
		}
		if (!state.valid.has(request.headers.authorization?.replace(/^Bearer /, ""))) {
			state.refused += 1;
			return say(401, {}, { "www-authenticate": 'Bearer error="invalid_token"' });
		}
		state.came.push({ method: request.method, path: request.url, fields: request.headers, body });
		say(200, { answered: state.came.length });
	});
	const bodies = () => state.came.map(({ body }) => body).sort();
	return Object.assign(state, server, { bodies });
}

/** A site whose only page is empty, and which has the module. */
export async function site() {
	return listen((request, response) => {
		const isModule = request.url === "/evergrant-queue.js";
		response.writeHead(200, { "content-type": `text/${isModule ? "javascript" : "html"}; charset=utf-8` });
		response.end(isModule ? MODULE : '<!doctype html><title>a page</title><link rel="icon" href="data:,">');
	});
}

/** `evergrant gateway` before this API, for pages of these origins. `lines` and `route`: more of its file. */
export async function gateway(api, { origins = [], lines = "", route = "", flags = [] } = {}) {
	const folder = await mkdtemp(join(tmpdir(), "gateway-"));
	const file = join(folder, "config.toml");
	await writeFile(file, `
[profile.api]
token_endpoint = "${api.url}/token"
client_id = "pages"
client_secret = { env = "PAGES_SECRET" }
origins = "${api.url}"

[gateway]
listen = "127.0.0.1:0"
admin = "127.0.0.1:0"
log = "all"
grace = "50ms"
${lines}

[[gateway.route]]
path = "/"
profile = "api"
origins = ${JSON.stringify(origins)}
${route}
`, { mode: 0o600 });
	const child = spawn(process.env.BINARY, ["--json", "gateway", "--config", file, ...flags], {
		env: { ...process.env, PAGES_SECRET: SECRET }, stdio: ["ignore", "pipe", "pipe"],
	});
	const ended = new Promise((end) => child.once("close", end));
	const log = [], said = [];
	createInterface(child.stdout).on("line", (line) => log.push(JSON.parse(line)));
	const listening = new Promise((heard, never) => {
		createInterface(child.stderr).on("line", (line) => {
			said.push(line);
			if (line.includes('"listen"')) heard(JSON.parse(line));
		});
		ended.then(() => never(new Error(`the gateway ended: ${said.join("\n")}`)));
	});
	const end = async () => {
		child.kill("SIGKILL");
		await ended;
		await rm(folder, { recursive: true });
	};
	const told = await listening.catch(async (error) => {
		await end();
		throw error;
	});
	const status = async () => (await fetch(`${told.admin}/status`)).json();
	return {
		url: told.listen[0], admin: told.admin, demo: told.demo_page, log, said, status, end,
		ready: () => until(async () => (await status()).ready, "the gateway is ready"),
		// Its answers, but for preflights, once no more of them are logged.
		answers: async () => {
			const { requests } = await status();
			await until(() => log.length >= requests, `${requests} requests are logged`);
			return log.filter(({ method }) => method !== "OPTIONS");
		},
	};
}
