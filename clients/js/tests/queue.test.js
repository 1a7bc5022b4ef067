// The queue over node's own fetch. Each test waits for a second or more, so they run side by side.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { queued } from "../evergrant-queue.js";
import { later, serve } from "./server.js";

let gone = 0;
const post = (body) => ({ method: "POST", body });
const texts = (answers) => Promise.all(answers.map((answer) => answer.text()));

/** A server, and a queue in front of it, for one test. */
const world = (answer, options) => async (test) => {
	const server = await serve(answer);
	try {
		await test({ ...server, send: queued(fetch, options) });
	} finally {
		server.close();
	}
};

/** A server that says `later` to the first `count` requests. */
const after = (count, how) => (_request, response, body, number) =>
	number <= count ? later(response, how) : response.end(body || "fine");

const run = (name, answer, options, test) => it(name, () => world(answer, options)(test));

describe("the queue", { concurrency: true }, () => {
	it("is one module of less than 3 KiB that imports nothing", () => {
		const text = readFileSync(new URL("../evergrant-queue.js", import.meta.url), "utf8");
		assert.ok(Buffer.byteLength(text) < 3 * 1024, `${Buffer.byteLength(text)} bytes`);
		assert.doesNotMatch(text, /\bimport\b|\brequire\b/);
	});

	it("costs at most 210 requests for 200 through an outage of 3 s, each body arrives once, and in order", async () => {
		const ends = performance.now() + 3000;
		const done = [];
		await world((_request, response, body) => {
			if (performance.now() < ends) return later(response, { sent: "no" });
			done.push(Number(body));
			response.end(body);
		})(async ({ came, url, send }) => {
			const calls = Array.from({ length: 200 }, (_, number) => send(url, post(String(number))));
			const said = await texts(await Promise.all(calls));
			assert.deepEqual(said.map(Number), [...said.keys()]);
			assert.deepEqual(done.toSorted?.((a, b) => a - b) ?? [...done].sort((a, b) => a - b), [...said.keys()]);
			// A few are on their way at once, and may overtake each other.
			done.forEach((number, place) => assert.ok(Math.abs(number - place) < 4, `${number} came as ${place}`));
			assert.ok(came.length <= 210, `${came.length} requests`);
		});
	});

	run("lets the first go alone after a rest, and the others if it passes", after(6, {}), {}, async ({ came, url, send }) => {
		await Promise.all(Array.from({ length: 8 }, () => send(url)));
		// Four at once were refused, then one after each rest.
		const [first, , , , alone, again] = came.map(({ at }) => at);
		assert.ok(alone - first >= 990 && again - alone >= 990, "a rest is at least a second");
		assert.equal(came.length, 6 + 8);
	});

	for (const sent of ["no", "refused"]) {
		run(`repeats POST and PATCH if the answer says that it was sent: ${sent}`, after(2, { sent }), {}, async ({ came, url, send }) => {
			const answers = await Promise.all([send(url, post("a")), send(url, { method: "PATCH", body: "b" })]);
			assert.deepEqual(await texts(answers), ["a", "b"]);
			assert.equal(came.length, 4);
		});
	}

	for (const [name, how] of [
		["perhaps", { sent: "perhaps" }],
		["a word of another kind", { sent: ["no"] }],
		["nothing at all", { sent: null }],
		["no problem document", {}],
		["JSON that is no problem document", { fields: { "content-type": "application/json" }, sent: "no" }],
	]) {
		run(`hands on the answer to a POST that says ${name}`, after(1, how), {}, async ({ came, url, send }) => {
			const answer = await send(url, post("a"));
			assert.equal(answer.status, 503);
			assert.ok((await answer.text()).length, "its body can be read");
			assert.equal(came.length, 1);
		});
	}

	for (const method of ["GET", "HEAD", "PUT", "DELETE"]) {
		run(`repeats ${method} whatever the answer says`, after(1, { status: 429 }), {}, async ({ came, url, send }) => {
			assert.equal((await send(url, { method })).status, 200);
			assert.equal(came.length, 2);
		});
	}

	for (const [name, how] of [
		["has no Retry-After", { after: "" }],
		["has one that nobody can read", { after: "soon" }],
		["is no 503 or 429", { status: 500 }],
	]) {
		run(`closes nothing for an answer that ${name}`, after(1, how), {}, async ({ came, url, send }) => {
			assert.equal((await send(url)).status, how.status ?? 503);
			assert.equal((await send(url)).status, 200);
			assert.ok(came[1].at - came[0].at < 900);
		});
	}

	run("reads a date as its server means it, whatever the clock here says", after(1, {
		after: "Tue, 01 Jan 2030 00:00:02 GMT", fields: { date: "Tue, 01 Jan 2030 00:00:00 GMT" },
	}), {}, async ({ came, url, send }) => {
		assert.equal((await send(url)).status, 200);
		const waited = came[1].at - came[0].at;
		assert.ok(waited > 1990, `${waited} ms`);
	});

	run("waits for a second at least", after(1, { after: "0" }), {}, async ({ came, url, send }) => {
		await send(url);
		assert.ok(came[1].at - came[0].at >= 990);
	});

	run("never repeats a stream", after(1, { sent: "no" }), {}, async ({ came, url, send }) => {
		const body = new Blob(["a"]).stream();
		const answer = await send(url, { method: "PUT", body, duplex: "half" });
		assert.equal(answer.status, 503);
		assert.deepEqual(came.map(({ body }) => body), ["a"]);
	});

	run("sends what it was given, whatever becomes of that meanwhile", after(1, { sent: "no" }), {}, async ({ came, url, send }) => {
		const body = new FormData();
		body.append("key", "first");
		const answer = send(url, post(body));
		body.set("key", "second");
		await answer;
		for (const { body } of came) assert.match(body, /first/);
		const request = new Request(url, post("request"));
		assert.equal(await (await send(request)).text(), "request");
	});

	run("ends a wait with patience, and gives the last answer", after(9, { sent: "no" }), { patience: 1100 }, async ({ came, url, send }) => {
		const began = performance.now();
		const [first, ...others] = await Promise.allSettled(Array.from({ length: 6 }, () => send(url, post("a"))));
		assert.equal(first.value.status, 503);
		assert.equal((await first.value.json()).sent, "no");
		// Those beyond the four that went at once were never answered.
		assert.deepEqual(others.slice(3).map(({ reason }) => reason?.name), ["TimeoutError", "TimeoutError"]);
		assert.ok(performance.now() - began < 2500);
		assert.ok(came.length <= 6);
	});

	run("does not wait for what comes too late anyway", after(9, { after: "100" }), { patience: 5000 }, async ({ came, url, send }) => {
		const began = performance.now();
		assert.equal((await send(url)).status, 503);
		await assert.rejects(send(url), { name: "TimeoutError" });
		assert.ok(performance.now() - began < 4000);
		assert.equal(came.length, 1);
	});

	run("may wait for ever", after(1, {}), { patience: Infinity }, async ({ url, send }) => {
		assert.equal((await send(url)).status, 200);
	});

	run("ends a wait that is aborted, and no other", after(1, {}), { atOnce: 1 }, async ({ came, url, send }) => {
		const signal = AbortSignal.timeout(200);
		const [first, second, third] = await Promise.allSettled([send(url), send(url, { signal }), send(url)]);
		assert.equal(second.reason.name, "TimeoutError");
		assert.deepEqual([first.value.status, third.value.status], [200, 200]);
		assert.equal(came.length, 3);
		const aborted = AbortSignal.abort("mine");
		await assert.rejects(send(url, { signal: aborted }), (reason) => reason === "mine");
		assert.equal(came.length, 3);
	});

	run("forgets a signal that is aborted when its call has ended", after(0), { atOnce: 1 }, async ({ came, url, send }) => {
		const aborter = new AbortController();
		await send(url, { signal: aborter.signal });
		aborter.abort();
		await Promise.all([send(url), send(url)]);
		assert.equal(came.length, 3);
	});

	run("is bounded", after(1, {}), { max: 2, atOnce: 1 }, async ({ url, send }) => {
		const calls = [send(url), send(url), send(url)];
		await assert.rejects(send(url), { name: "QuotaExceededError" });
		for (const { status } of await Promise.all(calls)) assert.equal(status, 200);
	});

	it("keeps origins apart", () => world(after(1, { after: "2" }))(async (one) => world(after(0))(async (other) => {
		const slow = one.send(one.url);
		await new Promise((soon) => setTimeout(soon, 100));
		const began = performance.now();
		assert.equal((await one.send(other.url)).status, 200);
		assert.ok(performance.now() - began < 1000);
		assert.equal((await slow).status, 200);
	})));

	run("hands on what the network says, and goes on", (request, response, _body, number) => {
		if (number === 1) return later(response);
		if (number === 2) return request.socket.destroy();
		response.end("fine");
	}, { atOnce: 1 }, async ({ url, send }) => {
		const [first, second] = await Promise.allSettled([send(url), send(url)]);
		assert.equal(first.reason.name, "TypeError");
		assert.equal(second.value.status, 200);
	});

	run("does not open again for an answer to what was sent before", (_request, response, _body, number) => {
		if (number === 1) return setTimeout(() => response.end("slow"), 400);
		if (number === 2) return later(response);
		response.end("fine");
	}, { atOnce: 2 }, async ({ came, url, send }) => {
		const calls = [send(url), send(url), send(url), send(url)];
		await Promise.all(calls);
		assert.ok(came[2].at - came[1].at >= 990);
		assert.equal(came.length, 5);
	});

	run("rests for as long as the longest answer says", (request, response, _body, number) => {
		if (number > 4) return response.end("fine");
		setTimeout(() => later(response, { after: request.url === "/long" ? "3" : "1" }), number * 50);
	}, {}, async ({ came, url, send }) => {
		await Promise.all(["/", "/", "/long", "/"].map((path) => send(url + path)));
		const waited = came[4].at - came[2].at;
		assert.ok(waited >= 2990, `${waited} ms`);
	});

	for (const [name, after] of [["is no number", "1e1"], ["is two numbers", "5, 5"], ["is no date of HTTP", "2050-01-01"], ["is below zero", "-5"]]) {
		run(`closes nothing for a Retry-After that ${name}`, (_request, response) => later(response, { after }), {}, async ({ came, url, send }) => {
			assert.equal((await send(url)).status, 503);
			assert.equal((await send(url)).status, 503);
			assert.ok(came[1].at - came[0].at < 900);
		});
	}

	run("rests for a number of seconds that is beyond any clock", after(1, { after: "9999999999" }), { patience: 300 }, async ({ came, url, send }) => {
		assert.equal((await send(url)).status, 503);
		await assert.rejects(send(url), { name: "TimeoutError" });
		assert.equal(came.length, 1);
	});

	run("sends no POST again whose effect the answer to another request stands for", (request, response, _body, number) => {
		if (request.method === "POST") return response.writeHead(303, { location: "/made" }).end();
		number === 2 ? later(response, { sent: "no" }) : response.end("fine");
	}, {}, async ({ came, url, send }) => {
		assert.equal((await send(url, post("a"))).status, 503);
		assert.deepEqual(came.map(({ method }) => method), ["POST", "GET"]);
	});

	run("ends at once what waits already when a rest begins that it cannot outlive", (_request, response) => {
		setTimeout(() => later(response, { after: "100" }), 200);
	}, { patience: 8000 }, async ({ came, url, send }) => {
		const began = performance.now();
		const ends = await Promise.allSettled(Array.from({ length: 6 }, () => send(url)));
		assert.ok(performance.now() - began < 4000);
		assert.deepEqual(ends.map(({ status }) => status), [...Array(4).fill("fulfilled"), "rejected", "rejected"]);
		assert.equal(came.length, 4);
	});

	run("has no more without an answer than it may, whatever rests", (_request, response, _body, number) => {
		// Of each round one is told to come back, and the others hang.
		if (number % 4 === 1) later(response);
	}, { patience: 4000 }, async ({ came, url, send }) => {
		for (let call = 0; call < 30; call++) send(url).catch(() => 0);
		await new Promise((soon) => setTimeout(soon, 3500));
		const unanswered = came.filter((_, place) => place % 4 !== 0).length;
		// Those that hang end with the server.
		assert.ok(unanswered <= 4, `${unanswered} without an answer`);
	});

	run("warns of no listener, however often a call waits", after(11, { after: "0" }), { patience: Infinity }, async ({ url, send }) => {
		const warned = [];
		process.on("warning", (warning) => warned.push(warning.name));
		assert.equal((await send(url)).status, 200);
		assert.deepEqual(warned, []);
	});

	run("lets go of the answers that it does not give", (_request, response, _body, number) => {
		if (number > 2) return response.end("fine");
		// Longer than what is read ahead, and never whole.
		response.writeHead(503, { "retry-after": "1", "content-length": 10_000_000 });
		response.write(Buffer.alloc(1_000_000));
		response.once("close", () => (gone += 1));
	}, {}, async ({ url, send }) => {
		gone = 0;
		assert.equal((await send(url)).status, 200);
		await new Promise((soon) => setTimeout(soon, 100));
		assert.equal(gone, 2);
	});

	it("tells who waits and for how long", async () => {
		const told = [];
		await world(after(1, {}), { onwait: (state) => told.push(state) })(async ({ url, send }) => {
			await Promise.all([send(url), send(url)]);
			await new Promise((soon) => setTimeout(soon, 10));
			assert.ok(told.every(({ origin }) => origin === url));
			const resting = told.filter(({ ms }) => ms > 0);
			assert.ok(resting.length && resting.every(({ ms }) => ms <= 1250), JSON.stringify(told));
			assert.ok(Math.max(...told.map(({ waiting }) => waiting)) >= 1);
			const { waiting, ms } = told.at(-1);
			assert.deepEqual({ waiting, ms }, { waiting: 0, ms: 0 });
		});
	});

	it("rejects what fetch would reject", async () => {
		const send = queued(fetch);
		await assert.rejects(send("http://[", {}), TypeError);
		await assert.rejects(send("http://127.0.0.1:1/", { method: "GET", body: "x" }), TypeError);
	});
});
