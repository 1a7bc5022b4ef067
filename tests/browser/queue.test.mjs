// The queue of a page, in front of a real gateway.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { browser, gate, limit, numbers, open, sorted, until, within } from "./world.mjs";

/** In the page: sends `count` bodies at once, and keeps how each call ended, in order. */
async function start({ url, count, options }) {
	const { queued } = await import("/evergrant-queue.js");
	const it = (globalThis.it = { fetched: 0, problems: [], ended: [] });
	const counted = async (request) => {
		it.fetched++;
		const answer = await fetch(request);
		if (!answer.ok) it.problems.push((await answer.clone().json()).type);
		return answer;
	};
	const send = queued(counted, options);
	it.calls = Array.from({ length: count }, async (_, number) => {
		const began = performance.now();
		const end = (how) => it.ended.push({ number, ms: performance.now() - began, ...how });
		try {
			const answer = await send(`${url}/${number}`, { method: "POST", body: String(number) });
			end({ status: answer.status, text: await answer.text() });
		} catch (error) {
			end({ error: error.name, message: error.message });
		}
	});
}

/** In the page: how all calls ended. */
async function ended() {
	await Promise.all(globalThis.it.calls);
	const { fetched, problems, ended } = globalThis.it;
	return { fetched, problems, ended };
}

describe("the queue in a browser", { concurrency: true }, () => {
	let chromium;
	before(async () => (chromium = await browser()));
	after(() => chromium?.close());
	const run = (name, options, test) => it(name, limit, within(() => chromium, options, test));

	run("costs at most 210 requests for 200 through an outage of 3 s, and each body arrives once", {
		down: true, route: 'patience = "50ms"',
	}, async ({ server, gateway, page }) => {
		await page.evaluate(start, { url: gateway.url, count: 200 });
		await sleep(3000);
		assert.deepEqual(server.came, [], "nothing passes without a token");
		server.down = false;
		const { fetched, ended: calls } = await page.evaluate(ended);
		assert.deepEqual(calls.filter(({ number, status, text }) => status !== 200 || text !== String(number)), []);
		assert.deepEqual(sorted(server.bodies()), numbers(200));
		assert.equal(server.came.length, 200);
		assert.ok(fetched <= 210, `${fetched} requests of the page`);
		// Nothing that it sends needs a preflight.
		const { requests } = await until(async () => {
			const status = await gateway.status();
			return status.in_flight === 0 && status;
		}, "nothing is in flight");
		assert.equal(requests, fetched);
	});

	run("sees nothing of a token that is revoked in mid-traffic", {}, async ({ server, gateway, page }) => {
		let left = 60;
		server.onrequest = () => --left === 0 && server.revoke();
		await page.evaluate(start, { url: gateway.url, count: 200 });
		const { ended: calls } = await page.evaluate(ended);
		assert.deepEqual(calls.filter(({ number, status, text }) => status !== 200 || text !== String(number)), []);
		assert.deepEqual(sorted(server.bodies()), numbers(200));
		assert.ok(server.came.some(({ status }) => status === 401), "a request met the revoked token");
		assert.equal(server.asked, 2);
	});

	run("turns the surplus away at once when it is full", {}, async ({ server, gateway, page }) => {
		const held = gate();
		server.api = held.opened;
		await page.evaluate(start, { url: gateway.url, count: 20, options: { max: 5 } });
		// While the API answers nobody: 4 are on their way, 5 wait.
		await page.waitForFunction(() => globalThis.it.ended.length === 11);
		const early = await page.evaluate(() => globalThis.it.ended);
		assert.deepEqual(early.map(({ number }) => number), [...Array(11).keys()].map((number) => number + 9));
		assert.deepEqual([...new Set(early.map(({ error }) => error))], ["QuotaExceededError"]);
		held.open();
		const { ended: calls } = await page.evaluate(ended);
		assert.equal(calls.filter(({ status }) => status === 200).length, 9);
		assert.deepEqual(sorted(server.bodies()), numbers(9));
	});

	run("sends what the gateway has no room for again", {
		lines: "max_waiters = 2", route: 'patience = "60s"', token: true,
	}, async ({ server, gateway, page, held }) => {
		await page.evaluate(start, { url: gateway.url, count: 10 });
		await page.waitForFunction(() => globalThis.it.problems.length >= 2);
		assert.deepEqual(server.came, []);
		held.open();
		const { problems, ended: calls } = await page.evaluate(ended);
		assert.deepEqual([...new Set(problems)], ["urn:evergrant:problem:queue-full"]);
		assert.deepEqual(calls.filter(({ status }) => status !== 200), []);
		assert.deepEqual(sorted(server.bodies()), numbers(10));
		assert.equal(server.came.length, 10);
	});

	run("ends with its tab: nothing of it reaches the API afterwards", {
		route: 'patience = "60s"', token: true,
	}, async ({ server, gateway, listed, page, held }) => {
		await page.evaluate(start, { url: gateway.url, count: 12 });
		const queued = (count) => until(async () => (await gateway.status()).queued === count, `${count} wait in the gateway`);
		await queued(4);
		await page.close();
		await queued(0);
		held.open();
		// What comes later passes, so the others would have.
		const another = await open(chromium, listed);
		const said = await another.page.evaluate(async (url) => {
			const answer = await fetch(url, { method: "POST", body: "last" });
			return answer.text();
		}, gateway.url);
		await another.close();
		assert.equal(said, "last");
		assert.deepEqual(server.came.map(({ body }) => body), ["last"]);
	});
});
