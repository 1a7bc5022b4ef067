// The queue on a clock of its own, in random schedules: requests that are late, told to rest, aborted, cut off, or never answered. Whatever
// happens, so many are unanswered and no more, nobody is sent while its server rests, and whoever can be answered is.
import assert from "node:assert/strict";
import { it } from "node:test";

const SCHEDULES = 10_000;
const real = { setImmediate, performance: performance.now.bind(performance), setTimeout, clearTimeout, Request, random: Math.random };

/** The same numbers for the same seed (mulberry32). */
function generator(seed) {
	return () => {
		seed = (seed + 0x6d2b79f5) | 0;
		let mixed = Math.imul(seed ^ (seed >>> 15), seed | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	};
}

/** Timers that go off when `run` gets there, one instant after the other. */
class Clock {
	now = 0;
	#next = 1;
	#timers = new Map();
	set(run, ms) {
		this.#timers.set(this.#next, { at: this.now + ms, run });
		return this.#next++;
	}
	clear = (timer) => this.#timers.delete(timer);
	async run() {
		for (;;) {
			await new Promise(real.setImmediate);
			const [first] = [...this.#timers].sort(([, one], [, other]) => one.at - other.at);
			// What ends with patience alone is not waited for: it would hide who is forgotten.
			if (!first || first[1].at > 1e8) return;
			this.#timers.delete(first[0]);
			this.now = first[1].at;
			first[1].run();
		}
	}
}

/** As much of a request as the queue looks at. */
class Plain {
	constructor(url, { method = "GET", signal = new AbortController().signal, number } = {}) {
		Object.assign(this, { url, method, signal, number });
	}
	clone() {
		return new Plain(this.url, this);
	}
}

const headers = (fields) => ({ get: (name) => fields[name] ?? null });
const answers = (status, fields, sent) => ({
	status,
	headers: headers(fields),
	clone: () => ({ json: async () => ({ sent }) }),
});

async function schedule(queued, seed) {
	const random = generator(seed);
	const clock = new Clock();
	globalThis.setTimeout = (run, ms) => clock.set(run, ms);
	globalThis.clearTimeout = clock.clear;
	performance.now = () => clock.now;
	Math.random = random;
	const atOnce = [1, 2, 4][seed % 3];
	const hangs = seed % 2 ? 0.15 : 0;
	const unanswered = new Set();
	let rests = 0;
	// The first that is sent after a rest.
	let trial, isNext;

	const fetch = (request) =>
		new Promise((answer, fail) => {
			assert.ok(clock.now > rests - 1, `${request.number} is sent while its server rests`);
			unanswered.add(request);
			if (isNext) trial = request;
			isNext = false;
			assert.ok(unanswered.size <= atOnce, `${unanswered.size} are unanswered`);
			const ends = (how) => () => {
				request.signal.removeEventListener("abort", aborted);
				if (unanswered.delete(request)) how();
			};
			// Another one tries in its place.
			const fails = (reason) => (request === trial && (isNext = true), fail(reason));
			const aborted = ends(() => fails(request.signal.reason));
			request.signal.addEventListener("abort", aborted);
			if (random() < hangs) return;
			const chance = random();
			const how = () => {
				if (chance < 0.4) return answer(answers(200, {}));
				if (chance < 0.5) return fails(new TypeError("cut off"));
				const after = String(1 + Math.floor(random() * 4));
				answer(answers(503, { "retry-after": after, "content-type": "application/problem+json" }, random() < 0.7 ? "no" : "perhaps"));
			};
			clock.set(ends(how), random() < 0.2 ? random() * 9000 : random() * 300);
		});
	// The queue says itself until when its server rests, since it draws a part of that.
	const onwait = ({ ms }) => {
		// A millisecond is more than what a sum of fractions is off by.
		if (ms === 0 || clock.now + ms < rests + 1) return;
		rests = clock.now + ms;
		isNext = true;
	};
	const send = queued(fetch, { atOnce, patience: 1e9, onwait });

	const calls = 4 + Math.floor(random() * 8);
	let settled = 0;
	for (let number = 0; number < calls; number++) {
		const aborter = new AbortController();
		const method = random() < 0.5 ? "GET" : "POST";
		const begins = () => send("http://server.example/", { method, signal: aborter.signal, number }).catch(() => 0).finally(() => settled++);
		clock.set(begins, random() < 0.6 ? 0 : random() * 8000);
		if (random() < 0.15) clock.set(() => aborter.abort(), random() * 9000);
	}
	await clock.run();
	// Those that hang keep their places: whoever waits then waits because all are taken, or because the trial hangs.
	const waiting = calls - settled - unanswered.size;
	assert.ok(waiting === 0 || unanswered.size === atOnce || unanswered.has(trial), `${waiting} of ${calls} are forgotten`);
}

it("does what it promises in any schedule", async () => {
	globalThis.Request = Plain;
	try {
		const { queued } = await import("../evergrant-queue.js?in=schedules");
		for (let seed = 0; seed < SCHEDULES; seed++) {
			try {
				await schedule(queued, seed);
			} catch (error) {
				error.message = `seed ${seed}: ${error.message}`;
				throw error;
			}
		}
	} finally {
		Object.assign(globalThis, { setTimeout: real.setTimeout, clearTimeout: real.clearTimeout, Request: real.Request });
		performance.now = real.performance;
		Math.random = real.random;
	}
});

it("lets a slow answer from before a rest take no place away", async () => {
	const { queued } = await import("../evergrant-queue.js");
	const { later, serve } = await import("./server.js");
	let tried = 0;
	const server = await serve((request, response) => {
		if (request.url === "/slow") return setTimeout(() => response.end("slow"), 1800);
		if (request.url === "/hang") return;
		if (request.url === "/first" && tried++ === 0) return later(response);
		response.end("fine");
	});
	try {
		const send = queued(fetch, { atOnce: 2, patience: 8000 });
		const paths = ["/slow", "/first", "/hang", "/last", "/last"];
		const calls = paths.map((path) => send(server.url + path).then(({ status }) => status, () => 0));
		const [slow, first, , ...last] = calls;
		assert.deepEqual(await Promise.all([slow, first, ...last]), [200, 200, 200, 200]);
	} finally {
		server.close();
	}
});
