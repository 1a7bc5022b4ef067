// What pages may send and read, and what they may not.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { browser, limit, open, within } from "./world.mjs";

/** In the page: what becomes of a request. */
async function attempt([url, init]) {
	try {
		const answer = await fetch(url, init);
		const { status, type } = answer;
		return { status, type, text: await answer.text(), fields: Object.fromEntries(answer.headers) };
	} catch (error) {
		return { error: error.name };
	}
}

describe("the gateway and pages in a browser", { concurrency: true }, () => {
	let chromium;
	// Browsers begin to ask their users before a page of the internet reaches this machine; here none does.
	const flags = ["--host-resolver-rules=MAP evil.test 127.0.0.1", "--disable-features=LocalNetworkAccessChecks"];
	before(async () => (chromium = await browser(...flags)));
	after(() => chromium?.close());
	const run = (name, options, test) => it(name, limit, within(() => chromium, options, test));

	run("gives a page of another origin nothing, and passes nothing of it on", {}, async ({ server, gateway, other, page, listed }) => {
		const { page: stranger, close } = await open(chromium, other);
		const send = (init, path = "/") => stranger.evaluate(attempt, [gateway.url + path, init]);
		const text = { "content-type": "text/plain" };
		for (const init of [
			{},
			{ method: "HEAD" },
			{ method: "POST", body: "a", headers: text },
			{ method: "POST", body: "{}", headers: { "content-type": "application/json" } },
			{ method: "DELETE" },
			{ credentials: "include" },
		]) {
			assert.deepEqual(await send(init), { error: "TypeError" }, JSON.stringify(init));
		}
		// It is sent without a preflight, and nobody can read what was answered.
		const opaque = { status: 0, type: "opaque", text: "", fields: {} };
		for (const init of [{}, { method: "POST", body: "a", headers: text }, { method: "POST", body: new URLSearchParams("a=b").toString() }]) {
			assert.deepEqual(await send({ ...init, mode: "no-cors" }), opaque, JSON.stringify(init));
		}
		await stranger.evaluate(async (url) => {
			const loads = (element) => new Promise((done) => {
				element.onload = () => done("loaded");
				element.onerror = () => done("failed");
				document.documentElement.append(element);
			});
			navigator.sendBeacon(`${url}/beacon`, "a");
			const image = Object.assign(new Image(), { src: `${url}/image` });
			const script = Object.assign(document.createElement("script"), { src: `${url}/script` });
			await Promise.all([loads(image), loads(script)]);
		}, gateway.url);
		// A form leads there.
		for (const method of ["post", "get"]) {
			const leads = stranger.waitForNavigation();
			await stranger.evaluate(([url, method]) => {
				const form = Object.assign(document.createElement("form"), { action: `${url}/form`, method });
				document.documentElement.append(form);
				form.submit();
			}, [gateway.url, method]);
			assert.equal((await leads).status(), 403);
			await stranger.goto(other);
		}
		await close();
		assert.equal((await page.evaluate(attempt, [gateway.url, { method: "POST", body: "ours" }])).text, "ours", listed);
		assert.deepEqual(server.came.map(({ body }) => body), ["ours"]);
	});

	run("answers preflights of a listed page by itself, and passes what follows", {}, async ({ server, gateway, page }) => {
		server.fields = { "x-count": "7", "x-hidden": "8", "access-control-expose-headers": "X-Count", "access-control-allow-origin": "*" };
		const answer = await page.evaluate(attempt, [`${gateway.url}/orders/7`, {
			method: "PUT", body: '{"a":1}', headers: { "content-type": "application/json", "x-custom": "mine" },
		}]);
		assert.equal(answer.status, 200);
		assert.equal(answer.text, '{"a":1}');
		assert.equal(answer.fields["x-count"], "7", "the API lets pages read it");
		assert.equal(answer.fields["x-hidden"], undefined);
		const [{ method, path, body, headers }, ...rest] = server.came;
		assert.deepEqual(rest, [], "no preflight reached the API");
		assert.deepEqual([method, path, body], ["PUT", "/orders/7", '{"a":1}']);
		assert.deepEqual([headers["content-type"], headers["x-custom"]], ["application/json", "mine"]);
		assert.ok(gateway.log.some(({ method }) => method === "OPTIONS"), "a preflight reached the gateway");
	});

	run("lets a listed page read when to come back, and who says so", {
		down: true, route: 'patience = "50ms"',
	}, async ({ server, gateway, page }) => {
		const answer = await page.evaluate(attempt, [gateway.url, {
			method: "PUT", body: "{}", headers: { "content-type": "application/json" },
		}]);
		assert.equal(answer.status, 503);
		assert.ok(Number(answer.fields["retry-after"]) >= 1, JSON.stringify(answer.fields));
		assert.match(answer.fields["proxy-status"], /^evergrant-/);
		const { type, sent } = JSON.parse(answer.text);
		assert.deepEqual([type, sent], ["urn:evergrant:problem:no-token", "no"]);
		assert.deepEqual(server.came, []);
	});

	run("takes the key of a listed page after a preflight that has none", { keys: true }, async ({ server, gateway, page, key }) => {
		const send = (headers) => page.evaluate(attempt, [gateway.url, { method: "POST", body: "a", headers }]);
		assert.equal((await send({ "x-evergrant-key": key })).status, 200);
		// It is told why not.
		const denied = await send({ "x-evergrant-key": "another" });
		assert.equal(denied.status, 403);
		assert.equal(JSON.parse(denied.text).type, "urn:evergrant:problem:key");
		assert.equal((await send({})).status, 403);
		assert.equal(server.came.length, 1);
		assert.equal(server.came[0].headers["x-evergrant-key"], undefined);
	});

	run("refuses a name that was made to point to this machine", {}, async ({ server, gateway, page }) => {
		const rebound = (url) => url.replace("127.0.0.1", "evil.test");
		for (const path of [`${gateway.url}/`, `${gateway.admin}/`, `${gateway.admin}/status`]) {
			const answer = await page.goto(rebound(path));
			assert.equal(answer.status(), 403, path);
		}
		// A page that came from there before its name pointed here is of the same origin, and may read what is answered.
		for (const url of [gateway.url, gateway.admin].map(rebound)) {
			await page.route(`${url}/before`, (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html><title>evil</title>" }));
			await page.goto(`${url}/before`);
			for (const path of ["/", "/status", "/orders"]) {
				const { status, type, text } = await page.evaluate(attempt, [path]);
				const expected = url === rebound(gateway.admin) && path === "/orders" ? 404 : 403;
				assert.deepEqual([status, type], [expected, "basic"], url + path);
				assert.doesNotMatch(text, /orders|token-/);
			}
			const written = await page.evaluate(attempt, ["/", { method: "POST", body: "a" }]);
			assert.ok([403, 405].includes(written.status));
		}
		assert.deepEqual(server.came, []);
	});

	run("shows the status to no other page", {}, async ({ gateway, page }) => {
		for (const path of ["/", "/status", "/metrics"]) {
			assert.deepEqual(await page.evaluate(attempt, [gateway.admin + path]), { error: "TypeError" });
		}
		const shown = await page.evaluate((url) => new Promise((done) => {
			const frame = Object.assign(document.createElement("iframe"), { src: url, onload: () => done(frame.contentDocument === null) });
			document.documentElement.append(frame);
		}), gateway.admin);
		assert.ok(shown, "a frame of another origin");
		for (const frame of page.frames().slice(1)) assert.doesNotMatch(await frame.content(), /Token requests/);
	});
});
