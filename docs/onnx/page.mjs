// The page: it learns the samples of its folder and compares the state with the golden model's.

import * as ort from "./runtime/ort.wasm.bundle.min.mjs";
import { Learner, Samples } from "./learner.mjs";

const BLOCK = 10; // samples between two looks at the page
const show = (id, text) => (document.getElementById(id).textContent = text);

async function read(name) {
  const answer = await fetch(name);
  if (!answer.ok) throw new Error(`${name}: ${answer.status}; was this folder made by folder.py?`);
  return new Uint8Array(await answer.arrayBuffer());
}

async function learn(n) {
  const learner = await Learner.open(ort, (name) => read(`export/${name}`));
  const samples = new Samples(await read("samples.bin"), learner.manifest.n_features);
  const golden = JSON.parse(new TextDecoder().decode(await read("golden.json")));
  let right = 0;
  for (let start = 0; start < n; start += BLOCK) {
    const [x, classes] = samples.block(start, Math.min(start + BLOCK, n));
    const predicted = await learner.learn(x, classes);
    right += predicted.filter((k, i) => k === classes[i]).length;
    const learned = start + classes.length;
    show("learned", `${learned.toLocaleString("en")} of ${n.toLocaleString("en")}`);
    show("right", `${((100 * right) / learned).toFixed(2)} %`);
    document.getElementById("progress").value = learned / n;
    await new Promise((next) => setTimeout(next));
  }
  const state = await learner.sha256();
  show("state", state);
  show("golden", golden[n]);
  return state === golden[n] ? "the same bits" : "different: one of the two is wrong";
}

document.getElementById("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = document.getElementById("start");
  button.disabled = true;
  show("verdict", "learning");
  try {
    show("verdict", await learn(Number(document.getElementById("samples").value)));
  } catch (error) {
    show("verdict", `stopped: ${error.message}`);
  }
  button.disabled = false;
});
ort.env.wasm.numThreads = 1; // more need headers that a plain file server does not send
show("verdict", "ready");
