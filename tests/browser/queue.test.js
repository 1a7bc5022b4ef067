// The queue of a page before a gateway whose token cannot be had, or is revoked.
import assert from "node:assert/strict";
import { test } from "node:test";
import { all, browser, numbers, world } from "./browser.js";
import { LONG, pause, until } from "./servers.js";

const chromium = await browser();
const run = (name, options, of) => test(name, { timeout: 2 * LONG }, world(chromium, options, of));
const named = (done, name) => done.filter((one) => one.name === name);

run("an outage costs a page of 200 requests at most 210, and each body arrives once", {
	isDown: true, route: 'patience = "50ms"',
}, async ({ api, gateway, page }) => {
	const calls = all(page, `${gateway.url}/orders`, 200);
	await until(() => gateway.log.length > 0, "a request came during the outage");
	await pause(3000);
	assert.equal(api.came.length, 0);
	api.isDown = false;
	const done = await calls;
	assert.equal(named(done, "200").length, 200, JSON.stringify(done));
	assert.deepEqual(api.bodies(), numbers(200));
	const answers = await gateway.answers();
	assert.ok(answers.length > 200 && answers.length <= 210, `${answers.length} requests`);
});

run("a token that is revoked costs no call of a page, and each body arrives once", {}, async ({ api, gateway, page }) => {
	await gateway.ready();
	const calls = all(page, `${gateway.url}/orders`, 300);
	await until(() => api.came.length >= 20, "requests are on their way");
	api.valid.clear();
	const done = await calls;
	assert.equal(named(done, "200").length, 300, JSON.stringify(done));
	assert.deepEqual(api.bodies(), numbers(300));
	assert.ok(api.refused > 0 && api.granted === 2, `${api.refused} refused, ${api.granted} tokens`);
});

run("what a full queue has no place for is rejected at once, and the rest arrives", {
	isDown: true, lines: "max_waiters = 2",
}, async ({ api, gateway, page }) => {
	const calls = all(page, `${gateway.url}/orders`, 40, { max: 10, atOnce: 4 });
	await until(() => gateway.log.some(({ problem }) => problem === "queue-full"), "the gateway's queue is full");
	assert.equal(api.came.length, 0);
	api.isDown = false;
	const done = await calls;
	// Four go at once, and ten wait.
	const [sent, surplus] = [named(done, "200"), named(done, "QuotaExceededError")];
	assert.deepEqual([sent.length, surplus.length], [14, 26], JSON.stringify(done));
	assert.deepEqual(api.bodies(), numbers(14));
	const [latest, first] = [Math.max(...surplus.map(({ ms }) => ms)), Math.min(...sent.map(({ ms }) => ms))];
	assert.ok(latest < first, `rejected after ${latest} ms, sent after ${first} ms`);
});

run("of a tab that is closed nothing arrives any more", {
	isDown: true, route: 'patience = "120s"',
}, async ({ api, gateway, page, context, pages }) => {
	// Its end is the end of all its calls.
	void all(page, `${gateway.url}/orders`, 20).catch(() => {});
	await until(async () => (await gateway.status()).queued === 4, "four wait in the gateway");
	await page.close();
	await until(async () => (await gateway.status()).queued === 0, "nobody waits in the gateway");
	api.isDown = false;
	await gateway.ready();
	const next = await context.newPage();
	await next.goto(pages.url);
	await next.evaluate((url) => fetch(url, { method: "POST", body: "next" }), gateway.url);
	assert.deepEqual(api.bodies(), ["next"]);
});
