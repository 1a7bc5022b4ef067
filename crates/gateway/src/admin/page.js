// Puts what the server shows now in place of what it showed. Nothing is lost without it: reload the page.
const INTERVAL = 2000; // ms
const note = document.getElementById("note");
let since;

async function refresh() {
	try {
		const answer = await fetch(location.pathname, { signal: AbortSignal.timeout(10_000) });
		if (!answer.ok) throw new Error(answer.status);
		const shown = new DOMParser().parseFromString(await answer.text(), "text/html");
		for (const part of document.querySelectorAll("[data-live]")) {
			part.replaceChildren(...shown.getElementById(part.id).childNodes);
		}
		since = undefined;
		note.textContent = "";
	} catch {
		since ??= new Date().toLocaleTimeString();
		note.textContent = `no answer since ${since}`;
	}
}

// Nobody reads a page that is hidden, and what somebody marks must not go. The next look is after the last one, however long that took.
async function look() {
	if (!document.hidden && !String(getSelection())) await refresh();
	setTimeout(look, INTERVAL);
}

setTimeout(look, INTERVAL);
