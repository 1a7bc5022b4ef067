// Which pages get something from a gateway, and what they may read.
import assert from "node:assert/strict";
import { test } from "node:test";
import { browser, opened, world } from "./browser.js";
import { LONG, site } from "./servers.js";

const chromium = await browser();
const rebound = await browser("--host-resolver-rules=MAP evil.test 127.0.0.1");
const run = (name, options, of, where = chromium) => test(name, { timeout: 2 * LONG }, world(where, options, of));

run("a page whose origin is not listed gets nothing, and nothing of it arrives", {}, async ({ api, gateway, context }) => {
	await gateway.ready();
	const stranger = await site();
	try {
		const page = await opened(context, stranger.url);
		const got = await page.evaluate(async (url) => {
			const json = { "content-type": "application/json" };
			const tries = [
				[url], [url, { method: "POST", body: "a" }], [url, { method: "POST", body: "{}", headers: json }], [url, { method: "PUT" }],
				[url, { mode: "no-cors" }], [url, { method: "POST", body: "a", mode: "no-cors" }],
			];
			return Promise.all(tries.map(([url, init]) => fetch(url, init).then(({ type }) => type, (error) => error.name)));
		}, gateway.url);
		// Whoever does not ask to read the answer is told nothing, not even that it was refused.
		assert.deepEqual(got, [...Array(4).fill("TypeError"), "opaque", "opaque"]);
		await page.evaluate((url) => new Promise((done) => {
			const image = new Image();
			image.onload = image.onerror = done;
			image.src = `${url}/image`;
		}), gateway.url);
		const answer = page.waitForResponse(`${gateway.url}/form`);
		await page.evaluate((url) => {
			document.body.innerHTML = `<form method="post" enctype="text/plain" action="${url}/form"><input name="a" value="b"></form>`;
			document.forms[0].submit();
		}, gateway.url);
		assert.equal((await answer).status(), 403);
		const answers = await gateway.answers();
		assert.ok(answers.length >= 5 && answers.every(({ problem }) => problem === "browser"), JSON.stringify(answers));
		assert.deepEqual(api.came, []);
	} finally {
		await stranger.close();
	}
});

run("a listed page sends what needs a preflight", {}, async ({ api, gateway, page }) => {
	await gateway.ready();
	const status = await page.evaluate(async (url) => {
		const headers = { "content-type": "application/json", "x-order": "7" };
		return (await fetch(`${url}/orders/7`, { method: "PUT", body: '{"a":1}', headers })).status;
	}, gateway.url);
	assert.equal(status, 200);
	const [{ method, path, fields, body }] = api.came;
	assert.deepEqual([method, path, fields["content-type"], fields["x-order"], body], ["PUT", "/orders/7", "application/json", "7", '{"a":1}']);
	assert.equal(api.came.length, 1, "the preflight is answered by the gateway");
});

run("a listed page reads when to come back, and why", { isDown: true, route: 'patience = "50ms"' }, async ({ gateway, page }) => {
	const { status, after, by, sent } = await page.evaluate(async (url) => {
		const answer = await fetch(url, { method: "PUT", body: "{}", headers: { "content-type": "application/json" } });
		const field = (name) => answer.headers.get(name);
		return { status: answer.status, after: field("retry-after"), by: field("proxy-status"), sent: (await answer.json()).sent };
	}, gateway.url);
	assert.deepEqual([status, sent], [503, "no"]);
	assert.match(after, /^[1-9][0-9]*$/);
	assert.match(by, /^evergrant-/);
});

run("a name that was made to point here reaches neither gateway, admin address nor demo page", {
	flags: ["--demo-page", "127.0.0.1:0"],
}, async ({ api, gateway, context, pages }) => {
	await gateway.ready();
	const evil = (url) => url.replace("127.0.0.1", "evil.test");
	const page = await context.newPage();
	// It does point here.
	assert.equal((await page.goto(evil(pages.url))).status(), 200);
	for (const url of [`${gateway.url}/`, `${gateway.admin}/status`, `${gateway.demo}/`, `${gateway.demo}/evergrant-queue.js`]) {
		assert.equal((await page.goto(evil(url))).status(), 403, url);
		// And by its own script, which is of one origin with what it asks for. Of the demo page even the refusal has a policy.
		for (const method of ["GET", "POST"]) {
			const got = await page.evaluate((method) => fetch(location.href, { method }).then(({ status }) => status, () => 0), method);
			assert.ok([0, 403, 405].includes(got), `${method} ${url}: ${got}`);
		}
	}
	assert.deepEqual(api.came, []);
}, rebound);
