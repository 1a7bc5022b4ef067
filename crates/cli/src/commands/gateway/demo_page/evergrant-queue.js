const now = () => performance.now();
const timer = (run, ms) => setTimeout(run, Math.min(ms, 2e9));

export function queued(fetch, { max = 1024, patience = 12e4, atOnce = 4, onwait } = {}) {
	const gates = {};
	let calls = 0;

	// In order; after a rest the first goes alone.
	const next = (gate, gone) => {
		const { origin, rest, until } = gate;
		const stays = (place) => place !== gone && !(rest && until > place.end);
		const waiting = (gate.waiting = gate.waiting.filter((place) => stays(place) || place.go()));
		for (; !rest && waiting[0] && gate.sent < atOnce && gate.left; gate.left--) {
			gate.sent++;
			waiting.shift().go({ until });
		}
		const ms = rest ? Math.max(0, until - now()) : 0;
		queueMicrotask(() => onwait?.({ origin, waiting: waiting.length, ms }));
	};

	return async (input, init) => {
		const request = new Request(input, init);
		const { signal } = request;
		const stream = init?.body?.getReader || init?.body?.[Symbol.asyncIterator];
		const { origin } = new URL(request.url);
		const gate = (gates[origin] ??= { origin, waiting: [], sent: 0, left: Infinity, until: 0 });
		const call = calls++;
		const end = now() + patience;
		let answer, place;
		const turn = (done) => {
			const go = (mine) => done(mine, clearTimeout(late));
			const late = timer(() => next(gate, place), end - now());
			place = { call, end, go };
			gate.waiting.push(place);
			gate.waiting.sort((a, b) => a.call - b.call);
			next(gate);
		};

		if (gate.waiting.length >= max) throw new DOMException("full", "QuotaExceededError");
		signal.addEventListener("abort", () => next(gate, place));
		for (;;) {
			signal.throwIfAborted();
			const mine = await new Promise(turn);
			if (!mine) {
				signal.throwIfAborted();
				if (answer) return answer;
				throw new DOMException("late", "TimeoutError");
			}
			let ms;
			try {
				answer?.body?.cancel().catch(() => 0);
				answer = await fetch(stream ? request : request.clone());
				ms = restOf(answer);
			} finally {
				gate.sent--;
				if (mine.until === gate.until) gate.left += ms === 0 ? Infinity : 1;
				if (ms && now() + ms > gate.until) {
					clearTimeout(gate.rest);
					const rest = timer(() => next(gate, (gate.rest = 0)), ms);
					rest.unref?.();
					Object.assign(gate, { left: 1, until: now() + ms, rest });
				}
				next(gate);
			}
			if (!ms || stream || !(await repeatable(request.method, answer))) return answer;
		}
	};
}

function restOf({ status, headers }) {
	const after = headers.get("retry-after");
	if (!/429|503/.test(status)) return 0;
	const date = Date.parse(headers.get("date")) || Date.now();
	const ms = /^\d+$/.test(after) ? after * 1e3 : / GMT$/.test(after) ? Date.parse(after) - date : NaN;
	return Math.max(ms, 1e3) * (1 + Math.random() / 4) || 0;
}

async function repeatable(method, answer) {
	if (/^(GET|HEAD|PUT|DELETE)$/.test(method)) return true;
	if (answer.redirected || !/problem/i.test(answer.headers.get("content-type"))) return false;
	const said = await answer.clone().json().catch(() => 0);
	return ["no", "refused"].includes(said?.sent);
}
