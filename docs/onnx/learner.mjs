// A learner of an export folder, in any JavaScript that has ONNX Runtime: a browser, or Node.
//
// It predicts and learns with learn_block.onnx. The state is one block of bytes, the same as in
// state.sls and on the chip, and so its hash is the same.

const HEADER = 24; // bytes of a state image in front of its description: docs/state-format.md
const TYPES = {
  int8_t: ["int8", Int8Array],
  uint8_t: ["uint8", Uint8Array],
  int16_t: ["int16", Int16Array],
  uint16_t: ["uint16", Uint16Array],
  int32_t: ["int32", Int32Array],
  uint32_t: ["uint32", Uint32Array],
  int64_t: ["int64", BigInt64Array],
  uint64_t: ["uint64", BigUint64Array],
  float: ["float32", Float32Array],
};

/** Stages in front of a learner: raw samples of a signal in, rows of features out. */
class Stages {
  constructor(ort, described, session) {
    Object.assign(this, { ort, described, session, state: {} });
    this.reset();
  }

  /** Begin a recording: only what is known of the sensor stays. */
  reset() {
    for (const { name, type, shape, start, kept } of this.described.state_fields) {
      if (kept && name in this.state) continue;
      const [kind, Values] = TYPES[type];
      const size = shape.reduce((product, n) => product * n, 1);
      const all = Array.isArray(start) ? start.flat(Infinity) : Array(size).fill(start);
      this.state[name] = new this.ort.Tensor(kind, Values.from(all), shape);
    }
  }

  /** The rows of features that come with n raw samples, and with which of the samples. */
  async take(x, n) {
    const raw = new this.ort.Tensor("float32", x, [n, this.described.n_channels]);
    const found = await this.session.run({ x: raw, ...this.state });
    for (const name of Object.keys(this.state)) this.state[name] = found[`${name}_next`];
    const ready = Array.from(found.ready.data, Number);
    const came = ready.flatMap((one, i) => (one === 1 ? [i] : []));
    const size = found.features.dims[1];
    const rows = new Float32Array(came.length * size);
    came.forEach((i, row) =>
      rows.set(found.features.data.subarray(i * size, (i + 1) * size), row * size),
    );
    return { rows, came };
  }
}

export class Learner {
  /**
   * Open an export folder.
   *
   * @param ort the module of ONNX Runtime
   * @param read async name => Uint8Array: the bytes of a file of the folder
   */
  static async open(ort, read) {
    const manifest = JSON.parse(new TextDecoder().decode(await read("manifest.json")));
    const reason = manifest.onnx.no_learning_because;
    if (reason !== null) throw new Error(`this export has no graph that learns: ${reason}`);
    const image = await read("state.sls");
    const words = new DataView(image.buffer, image.byteOffset, image.byteLength);
    const start = HEADER + words.getUint32(8, true);
    const state = image.slice(start, start + words.getUint32(12, true));
    if (state.length !== manifest.state_bytes)
      throw new Error(
        `state.sls holds ${state.length} bytes of state, the manifest says ` +
          `${manifest.state_bytes}: they are of different exports; export again`,
      );
    const session = await ort.InferenceSession.create(await read("learn_block.onnx"));
    const front = manifest.stages && (await ort.InferenceSession.create(await read("stages.onnx")));
    const stages = front ? new Stages(ort, manifest.stages, front) : null;
    return new Learner(ort, manifest, session, state, stages);
  }

  constructor(ort, manifest, session, state, stages = null) {
    Object.assign(this, { ort, manifest, session, state, stages });
  }

  /** Behind stages: a recording begins. */
  reset() {
    this.stages?.reset();
  }

  /**
   * Behind stages: take raw samples of a signal, and learn the rows of features that come. The
   * label of a row is that of its last sample.
   *
   * @param x Float32Array: the channels of one raw sample after the other
   * @param targets as of `learn`, one for each raw sample
   * @returns per raw sample as `learn`, and null where no row of features came
   */
  async learnSignal(x, targets) {
    const { rows, came } = await this.stages.take(x, targets.length);
    const answers = Array(targets.length).fill(null);
    if (!came.length) return answers;
    const said = await this.learn(rows, came.map((i) => targets[i]));
    came.forEach((i, row) => (answers[i] = said[row]));
    return answers;
  }

  /**
   * Predict each sample, then learn it.
   *
   * @param x Float32Array: the features of one sample after the other
   * @param targets class indices, -1 to predict only; of a regressor numbers, NaN to predict only
   * @returns per sample the class index predicted before it was learned, of a regressor the three
   *     numbers of its prediction
   */
  async learn(x, targets) {
    const { ort, manifest } = this;
    const n = targets.length;
    const feeds = { x: new ort.Tensor("float32", x, [n, manifest.n_features]) };
    const regressor = manifest.network.head === "gaussian";
    if (regressor) feeds.target = new ort.Tensor("float32", Float32Array.from(targets), [n]);
    else feeds.label = new ort.Tensor("int64", BigInt64Array.from(targets, BigInt), [n]);
    for (const { name, type, shape, offset } of manifest.state_fields) {
      const [kind, Values] = TYPES[type];
      const bytes = shape.reduce((product, size) => product * size, Values.BYTES_PER_ELEMENT);
      const values = new Values(this.state.slice(offset, offset + bytes).buffer);
      feeds[name] = new ort.Tensor(kind, values, shape);
    }
    const found = await this.session.run(feeds);
    const next = new Uint8Array(this.state.length);
    for (const { name, offset } of manifest.state_fields) {
      const { data } = found[`${name}_next`];
      next.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    }
    this.state = next;
    const answers = Array.from(found.prediction.data, Number);
    if (!regressor) return answers;
    return Array.from({ length: n }, (_, i) => answers.slice(3 * i, 3 * i + 3));
  }

  /** SHA-256 of the state in hexadecimal: `state_sha256` of Python and of the manifest. */
  async sha256() {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", this.state));
    return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }
}

/** Samples as `folder.py` writes them: per sample its features, float32, and its class, int32. */
export class Samples {
  constructor(bytes, nFeatures) {
    const buffer = bytes.slice().buffer;
    this.size = nFeatures + 1;
    this.values = new Float32Array(buffer);
    this.classes = new Int32Array(buffer);
    this.length = this.values.length / this.size;
    if (!Number.isInteger(this.length))
      throw new Error(`samples.bin: ${bytes.length} bytes are no samples of ${nFeatures} features`);
  }

  /** Features and class indices of the samples from `start` up to `end`. */
  block(start, end) {
    const x = new Float32Array((end - start) * (this.size - 1));
    const classes = [];
    for (let i = start; i < end; i++) {
      const at = i * this.size;
      x.set(this.values.subarray(at, at + this.size - 1), (i - start) * (this.size - 1));
      classes.push(this.classes[at + this.size - 1]);
    }
    return [x, classes];
  }
}
