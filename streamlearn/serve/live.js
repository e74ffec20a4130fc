// Puts the parts of the report in their places when the run sends them.
"use strict";

const pause = document.getElementById("pause");
const line = document.getElementById("connection");
let paused = false;
let ended = false;
let waiting = {};

function show(parts) {
  for (const [name, html] of Object.entries(parts)) {
    const place = document.querySelector(`[data-part="${CSS.escape(name)}"]`);
    if (place) place.innerHTML = html;
  }
  const now = document.querySelector("[data-title]");
  if (now) document.title = now.dataset.title;
}

pause.addEventListener("click", () => {
  paused = !paused;
  pause.textContent = paused ? "Go on" : "Pause";
  pause.setAttribute("aria-pressed", String(paused));
  if (!paused) {
    show(waiting);
    waiting = {};
  }
});

const source = new EventSource("/events");
source.addEventListener("open", () => { line.textContent = "live"; });
source.addEventListener("parts", (event) => {
  const parts = JSON.parse(event.data);
  if (paused) Object.assign(waiting, parts);
  else show(parts);
});
source.addEventListener("ended", (event) => {
  ended = true;
  source.close();
  line.textContent = `ended: ${JSON.parse(event.data)}`;
});
source.addEventListener("error", () => {
  if (!ended) line.textContent = "no connection: the run has ended, or does not answer";
});
