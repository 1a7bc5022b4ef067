// Shows each request as a dot: where it is, and what came of it.
import { queued } from "./evergrant-queue.js";

const DOTS = 200; // of those that were answered, as many as fit
const LINES = 10;
const gateway = document.querySelector('meta[name="gateway"]').content;
const element = (id) => document.getElementById(id);
const still = matchMedia("(prefers-reduced-motion: reduce)");
const dots = new Map();
const counts = { answered: 0, failed: 0 };
let number = 0;

// The queue tells when it really sends a request: this name finds its dot again.
const NAME = "x-demo-request";
const send = queued(async (request) => {
	const name = request.headers.get(NAME);
	move(name, "sent");
	try {
		return await fetch(request);
	} finally {
		// If that was not the last word, it waits again.
		setTimeout(() => dots.get(name)?.parentElement === element("sent") && move(name, "waiting"));
	}
}, { onwait: tell });

function move(name, lane, failed) {
	const dot = dots.get(name);
	const from = dot.parentElement && dot.getBoundingClientRect();
	dot.classList.toggle("failed", Boolean(failed));
	element(lane).append(dot);
	if (from && !still.matches && !document.hidden) {
		const to = dot.getBoundingClientRect();
		const start = `translate(${from.x - to.x}px, ${from.y - to.y}px)`;
		dot.animate([{ transform: start }, { transform: "none" }], { duration: 350, easing: "ease-in-out" });
	}
	for (const lane of ["waiting", "sent"]) element(`${lane}-count`).textContent = element(lane).childElementCount;
}

function tell({ waiting, ms }) {
	const seconds = Math.ceil(ms / 1000);
	const rests = `The server asks to wait ${seconds} s; ${waiting} requests wait.`;
	element("state").textContent = ms > 0 ? rests : waiting ? `${waiting} requests wait for their turn.` : "Nothing waits.";
}

async function one(method, path) {
	const name = String(++number);
	const dot = document.createElement("span");
	dot.className = "dot";
	dots.set(name, dot);
	move(name, "waiting");
	const began = performance.now();
	const body = method === "POST" ? JSON.stringify({ number }) : undefined;
	const headers = { [NAME]: name, ...(body && { "content-type": "application/json" }) };
	let said;
	let failed = false;
	try {
		const answer = await send(new URL(path, gateway), { method, headers, body });
		failed = !answer.ok;
		said = `${answer.status}${await problem(answer)}`;
	} catch (error) {
		failed = true;
		said = `${error.name}: ${error.message}`;
	}
	move(name, "answered", failed);
	dots.delete(name);
	while (element("answered").childElementCount > DOTS) element("answered").firstElementChild.remove();
	counts.answered++;
	counts.failed += failed;
	element("answered-count").textContent = counts.answered;
	element("failed-count").textContent = counts.failed ? `${counts.failed} failed` : "";
	line(name, said, performance.now() - began);
}

async function problem(answer) {
	if (!answer.headers.get("content-type")?.includes("problem")) return "";
	const { detail, sent } = await answer.json().catch(() => ({}));
	return ` (sent: ${sent}) ${detail}`;
}

function line(name, said, took) {
	const item = document.createElement("li");
	const what = document.createElement("b");
	what.textContent = said;
	item.value = Number(name);
	item.append(what, ` after ${(took / 1000).toFixed(1)} s`);
	const list = element("last");
	list.querySelector(".none")?.remove();
	list.prepend(item);
	while (list.childElementCount > LINES) list.lastElementChild.remove();
}

element("form").addEventListener("submit", (event) => {
	event.preventDefault();
	const count = Number(event.submitter?.value ?? 1);
	for (let sent = 0; sent < count; sent++) one(element("method").value, element("path").value);
});
