// Shows where each request is. The waiting itself is the module's.
import { queued } from "./evergrant-queue.js";

const LAST = 10;
// From the middle of one dot to that of the next, in pixels.
const PITCH = 22;
// How often the summary changes at most, in milliseconds: it is read aloud.
const SPOKEN = 500;

const at = (id) => document.getElementById(id);
const gateway = document.querySelector("meta[name=gateway]").content;
const lanes = new Map([...document.querySelectorAll(".lane")].map((lane) => [lane.dataset.lane, {
	room: lane.querySelector(".room"),
	count: lane.querySelector(".count"),
}]));
const calls = new Map();
let begun = 0, answered = 0, failed = 0, rests = 0;

// The fragment tells which call it is: the module hands on a copy of its request, and a fragment is never sent.
const callOf = (request) => calls.get(new URL(request.url).hash);

const send = queued(async (request) => {
	const call = callOf(request);
	call.sent = performance.now();
	move(call, "server");
	const answer = await fetch(request);
	if (/429|503/.test(answer.status) && answer.headers.has("retry-after")) move(call, "waiting");
	return answer;
}, {
	onwait({ ms }) {
		rests = ms > 0 ? performance.now() + ms : 0;
		draw();
	},
});

async function ask() {
	const path = at("path").value;
	const method = at("method").value;
	const name = `#${(begun += 1)}`;
	const dot = document.createElement("span");
	const call = { name, dot, asked: `${method} ${path}`, began: performance.now() };
	calls.set(name, call);
	move(call, "waiting");
	try {
		const url = gateway + (path.startsWith("/") ? path : `/${path}`);
		// Plain text: a request that needs no preflight.
		const body = method === "POST" ? `request ${begun}` : undefined;
		const answer = await send(url.split("#")[0] + name, { method, body, cache: "no-store" });
		end(call, answer.ok, String(answer.status), await problem(answer));
	} catch (error) {
		end(call, false, NAMES[error.name] ?? "no answer", error.message);
	}
}

const NAMES = { QuotaExceededError: "queue full", TimeoutError: "too late" };

// What a problem document says; of what it is not, nothing. The body is read to its end either way, for the connection.
async function problem(answer) {
	const text = await answer.text().catch(() => "");
	if (!/problem\+json/.test(answer.headers.get("content-type"))) return "";
	try {
		const { detail = "", sent } = JSON.parse(text);
		return sent ? `${detail} (sent: ${sent})` : String(detail);
	} catch {
		return "";
	}
}

function end(call, ok, status, detail) {
	calls.delete(call.name);
	answered += 1;
	failed += ok ? 0 : 1;
	call.ok = ok;
	move(call, "answered");
	done.push(call);
	list(call, status, detail);
}

function list({ asked, began, sent = performance.now(), ok }, status, detail) {
	const row = document.createElement("li");
	const cell = (name, text) => {
		const span = row.appendChild(document.createElement("span"));
		span.className = name;
		span.textContent = text;
	};
	cell(ok ? "status" : "status failed", status);
	cell("asked", asked);
	cell("waited", `waited ${((sent - began) / 1000).toFixed(1)} s`);
	if (detail) cell("detail", detail);
	at("none").hidden = true;
	at("answers").prepend(row);
	while (at("answers").children.length > LAST) at("answers").lastChild.remove();
}

// Those that were answered and are still shown; each keeps its place until another one takes it.
const done = [];
let gone = 0;

function move(call, lane) {
	call.lane = lane;
	draw();
}

let isDue = false;
function draw() {
	if (isDue) return;
	isDue = true;
	// Not by a frame: a tab in the background has none, and its numbers shall be right.
	setTimeout(() => {
		isDue = false;
		place();
		tell();
	}, 16);
}

function place() {
	const board = at("board").getBoundingClientRect();
	const grid = (lane) => {
		const box = lanes.get(lane).room.getBoundingClientRect();
		const columns = Math.max(1, Math.floor(box.width / PITCH));
		const rows = Math.max(1, Math.floor(box.height / PITCH));
		// What does not fit stands on the last place.
		const put = ({ dot }, number) => {
			const slot = Math.min(number, columns * rows - 1);
			const x = box.left - board.left + (slot % columns) * PITCH;
			const y = box.top - board.top + Math.floor(slot / columns) * PITCH;
			dot.style.translate = `${x.toFixed(1)}px ${y.toFixed(1)}px`;
			// Not before it has a place, or it would fly there.
			if (!dot.isConnected) at("dots").append(dot);
		};
		return { put, most: columns * rows };
	};
	for (const lane of ["waiting", "server"]) {
		const { put } = grid(lane);
		const here = [...calls.values()].filter((call) => call.lane === lane);
		here.forEach((call, number) => {
			call.dot.className = `dot ${lane}`;
			put(call, number);
		});
		lanes.get(lane).count.textContent = here.length;
	}
	const { put, most } = grid("answered");
	while (done.length > most) {
		const { dot } = done.shift();
		gone += 1;
		dot.classList.add("gone");
		setTimeout(() => dot.remove(), 500);
	}
	done.forEach((call, number) => {
		call.dot.className = call.ok ? "dot ok" : "dot failed";
		put(call, (gone + number) % most);
	});
	lanes.get("answered").count.textContent = answered;
}

let told = -SPOKEN, later = 0;
function tell() {
	const now = performance.now();
	if (!begun) return;
	if (now < told + SPOKEN) return tellIn(told + SPOKEN - now);
	told = now;
	const waiting = [...calls.values()].filter((call) => call.lane === "waiting").length;
	const left = Math.ceil((rests - now) / 1000);
	const rest = left > 0 ? ` The server asks to wait ${left} s.` : "";
	at("summary").textContent = `${waiting} waiting, ${answered} answered${failed ? `, ${failed} of them failed` : ""}.${rest}`;
	if (left > 0) tellIn(SPOKEN);
}

function tellIn(ms) {
	later ||= setTimeout(() => {
		later = 0;
		tell();
	}, ms);
}

at("gateway").textContent = gateway;
at("send").addEventListener("submit", (event) => {
	event.preventDefault();
	for (let count = 0; count < 20; count += 1) ask();
});
at("one").addEventListener("click", ask);
addEventListener("resize", draw);
