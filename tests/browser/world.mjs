// What the tests share: an authorization server and an API, a gateway between them and pages, and a browser. All of it is on loopback, on
// ports that are free, and ends with `close`.
import { execFileSync, spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../", import.meta.url));
const binary = process.env.BINARY ?? join(root, "target/debug/evergrant");

/** The packages that tests/browser/run installs. */
export const packages = createRequire(join(process.env.MODULES ?? join(root, "target/browser/npm"), "world.mjs"));

/** How long whatever must happen may take on a machine that does much else. */
const PATIENCE = 90_000;

/** For `it`: longer than anything is waited for. */
export const limit = { timeout: 2 * PATIENCE };

/** Waits until `look` finds something, and returns it. */
export async function until(look, what) {
	for (const ends = performance.now() + PATIENCE; performance.now() < ends; await sleep(20)) {
		const found = await look();
		if (found) return found;
	}
	throw new Error(`in ${PATIENCE} ms not: ${what}`);
}

/** A promise, and what resolves it. */
export function gate() {
	let open;
	const opened = new Promise((resolve) => (open = resolve));
	return { opened, open };
}

const running = new Set();
const folders = new Set();
process.on("exit", () => {
	for (const child of running) child.kill("SIGKILL");
	for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => process.exit(1));

async function serve(answer) {
	const server = createServer(async (request, response) => {
		const parts = [];
		try {
			for await (const part of request) parts.push(part);
			await answer(request, response, Buffer.concat(parts).toString());
		} catch {
			// Whoever asked went away.
			response.destroy();
		}
	});
	await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
	const close = () => {
		server.closeAllConnections();
		server.close();
	};
	return { close, url: `http://127.0.0.1:${server.address().port}` };
}

/**
 * An authorization server and an API. What they do is changed by their fields; `asked` counts token requests, and `came` has each request
 * that arrived at the API, with the status of its answer.
 */
async function servers() {
	const it = { asked: 0, came: [], revoked: 0, down: false, refusal: undefined, life: 3600, token: undefined, api: undefined, fields: {} };
	const json = (response, status, body, fields) =>
		response.writeHead(status, { "content-type": "application/json", ...fields }).end(JSON.stringify(body));

	const token = async (response) => {
		const number = ++it.asked;
		await it.token;
		if (it.refusal) return json(response, 400, it.refusal);
		if (it.down) return json(response, 503, { error: "temporarily_unavailable" }, { "retry-after": "1" });
		json(response, 200, { access_token: `token-${number}`, token_type: "Bearer", expires_in: it.life });
	};
	const api = async (request, response, body) => {
		const { method, url: path, headers } = request;
		const number = Number(/^Bearer token-(\d+)$/.exec(headers.authorization ?? "")?.[1]);
		const status = number > it.revoked ? 200 : 401;
		it.came.push({ method, path, body, headers, status });
		it.onrequest?.();
		await it.api;
		if (status === 401) {
			const says = { "www-authenticate": 'Bearer error="invalid_token"' };
			return response.writeHead(status, says).end();
		}
		response.writeHead(status, { "content-type": "text/plain", ...it.fields }).end(body);
	};

	const { close, url } = await serve((request, response, body) =>
		request.url === "/token" ? token(response) : api(request, response, body),
	);
	/** From now on no token is taken that was given so far. */
	const revoke = () => (it.revoked = it.asked);
	/** The bodies that the API has acted on, in order. */
	const bodies = () => it.came.filter(({ status }) => status === 200).map(({ body }) => body);
	return Object.assign(it, { close, url, revoke, bodies });
}

/** A server of pages: one that is empty, and the module. */
async function pages() {
	const module = await readFile(join(root, "clients/js/evergrant-queue.js"));
	return serve((request, response) => {
		if (request.url === "/evergrant-queue.js") {
			return response.writeHead(200, { "content-type": "text/javascript" }).end(module);
		}
		response.writeHead(200, { "content-type": "text/html" });
		response.end('<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>page</title>');
	});
}

/** The gateway with this configuration, once it listens. */
async function gateway(folder, text, flags) {
	const config = join(folder, "config.toml");
	await writeFile(config, text, { mode: 0o600 });
	const child = spawn(binary, ["--json", "gateway", "--config", config, ...flags], {
		cwd: folder,
		env: { PATH: process.env.PATH, HOME: folder, ORDERS_SECRET: "a secret of nobody" },
		stdio: ["ignore", "pipe", "pipe"],
	});
	running.add(child);
	let stopped = false;
	const ended = new Promise((resolve) => {
		child.on("error", (error) => resolve(error.message));
		child.on("close", (code, signal) => resolve(stopped || `the gateway has ended with ${signal ?? code}: ${lines.join("\n")}`));
	}).finally(() => running.delete(child));
	const lines = [];
	const log = [];
	let told;
	for (const stream of [child.stdout, child.stderr]) {
		createInterface({ input: stream }).on("line", (line) => {
			lines.push(line);
			const says = line.startsWith("{") ? JSON.parse(line) : {};
			if (says.listen) told = says;
			if (says.method) log.push(says);
		});
	}
	await until(() => told ?? !running.has(child), "the gateway listens");
	if (!told) throw new Error(await ended);
	const { admin } = told;
	const url = told.listen.find((url) => url.startsWith("http://127.0.0.1:"));
	const status = async () => (await fetch(`${admin}/status`)).json();
	const close = async () => {
		stopped = running.has(child);
		child.kill("SIGTERM");
		await Promise.race([ended, sleep(PATIENCE, undefined, { ref: false })]);
		child.kill("SIGKILL");
		// It ends when it is told to, and not before.
		const how = await ended;
		if (how !== true) throw new Error(how);
	};
	return { url, admin, demo: told.demo_page, log, status, close };
}

/**
 * Servers, pages of a listed origin and of another one, and a gateway.
 *
 * `lines` are more of `[gateway]`, `route` more of its route, and `rests` adds a client whose server refuses it, in these words. With
 * `down` there is no token, and with `token` none until `held.open()`. With `keys` callers need one. `flags` are those of the command.
 */
export async function world({ lines = "", route = "", down = false, token = false, keys = false, rests, flags = [] } = {}) {
	const closing = [];
	const close = async () => {
		const ends = [];
		for (const end of closing.reverse()) ends.push(...(await Promise.allSettled([end()])));
		for (const { reason } of ends) if (reason) throw reason;
	};
	const started = async (starts) => {
		const it = await starts;
		closing.push(it.close);
		return it;
	};
	try {
		const folder = await mkdtemp(join(tmpdir(), "evergrant-browser-"));
		folders.add(folder);
		closing.push(() => rm(folder, { recursive: true, force: true }));
		const server = await started(servers());
		server.down = down;
		const held = gate();
		if (token) server.token = held.opened;
		closing.push(held.open);
		const [listed, other] = [await started(pages()), await started(pages())];
		const profile = (name, { url }) => `
[profile.${name}]
token_endpoint = "${url}/token"
client_id = "${name}"
client_secret = { env = "ORDERS_SECRET" }
`;
		const leads = (path, name, { url }, more) => `
[[gateway.route]]
path = "${path}"
profile = "${name}"
upstream = "${url}/"
origins = ["${listed.url}"]
${more}
`;
		let profiles = profile("orders", server);
		let routes = leads("/", "orders", server, route);
		if (rests) {
			const refusing = await started(servers());
			refusing.refusal = rests;
			profiles += profile("labels", refusing);
			routes += leads("/labels/", "labels", refusing, 'strip = true\npatience = "50ms"');
		}
		let [listen, key] = ['["localhost:0"]'];
		if (keys) {
			const made = JSON.parse(execFileSync(binary, ["--json", "gateway", "key", "page"]));
			key = made.key;
			listen = `[{ address = "127.0.0.1:0", keys = { page = "${made.digest}" } }]`;
		}
		const text = `${profiles}
[gateway]
listen = ${listen}
admin = "127.0.0.1:0"
log = "all"
grace = "50ms"
drain_time = "50ms"
${lines}
${routes}`;
		const front = await started(gateway(folder, text, flags));
		return { server, held, key, listed: listed.url, other: other.url, gateway: front, close };
	} catch (error) {
		await close();
		throw error;
	}
}

/** A browser without a window. */
export async function browser(...flags) {
	const { chromium } = packages("playwright-core");
	return chromium.launch({
		executablePath: "/usr/bin/chromium",
		timeout: PATIENCE,
		args: [
			"--no-sandbox",
			"--disable-gpu",
			"--disable-quic",
			"--no-first-run",
			"--disable-background-networking",
			"--disable-component-update",
			"--disable-sync",
			"--no-proxy-server",
			...flags,
		],
	});
}

/** A page at this address, in a profile of its own, and what its console and its errors said. */
export async function open(browser, url, options) {
	const context = await browser.newContext(options);
	context.setDefaultTimeout(PATIENCE);
	const page = await context.newPage();
	const said = [];
	page.on("console", (message) => said.push(`${message.type()}: ${message.text()}`));
	page.on("pageerror", (error) => said.push(`error: ${error.message}`));
	page.on("dialog", (dialog) => (said.push(`dialog: ${dialog.message()}`), dialog.dismiss()));
	await page.goto(url);
	return { page, said, close: () => context.close() };
}

/** Runs `test` in a world, with a page of the listed origin; all of it ends afterwards. */
export const within = (browser, options, test) => async () => {
	const it = await world(options);
	try {
		const opened = await open(browser(), it.listed);
		try {
			await test({ ...it, ...opened });
		} catch (error) {
			// Why a fetch failed is told by the console alone.
			error.message += `\n${opened.said.join("\n")}`;
			throw error;
		} finally {
			await opened.close();
		}
	} finally {
		await it.close();
	}
};

/** In order of number, each a text. */
export const numbers = (count) => Array.from({ length: count }, (_, number) => String(number));
export const sorted = (texts) => [...texts].sort((a, b) => a - b);
