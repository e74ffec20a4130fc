// Learn in Node what the page learns in a browser: node node.mjs [SAMPLES]
//
// It stands in the folder that folder.py writes. With the package onnxruntime-node instead, import
// that and leave the two lines about `ort.env` out.

import { readFile } from "node:fs/promises";
import * as ort from "./runtime/ort.wasm.bundle.min.mjs";
import { Learner, Samples } from "./learner.mjs";

const here = (name) => new URL(name, import.meta.url);
const read = async (name) => new Uint8Array(await readFile(here(`export/${name}`)));
ort.env.wasm.wasmBinary = await readFile(here("runtime/ort-wasm-simd-threaded.wasm"));
ort.env.wasm.numThreads = 1;

const learner = await Learner.open(ort, read);
const samples = new Samples(await readFile(here("samples.bin")), learner.manifest.n_features);
const n = Math.min(Number(process.argv[2] ?? samples.length), samples.length);
let right = 0;
for (let start = 0; start < n; start += 20) {
  const [x, classes] = samples.block(start, Math.min(start + 20, n));
  const predicted = await learner.learn(x, classes);
  right += predicted.filter((k, i) => k === classes[i]).length;
}
console.log(`${n} samples, ${right} right before they were learned`);
console.log(`state ${await learner.sha256()}`);
