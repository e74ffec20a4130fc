// Runs a UF2 image in rp2040js: node rp2040js_board.mjs MODULE UF2 REQUESTS LEARN_ADDRESS
// REQUESTS: frames in hexadecimal, one a line; the next is sent when the one before was answered.
// Prints what came back and the instructions inside of sl_learner_learn, as JSON.
import { readFileSync } from "node:fs";

const [module, image, requests, entry] = process.argv.slice(2);
const { RP2040 } = await import(module);
const FLASH = 0x10000000, VECTORS = FLASH + 0x100, WFI = 0xbf30, LIMIT = 50_000_000;

const chip = new RP2040();
chip.logger = { debug() {}, warn() {}, error() {}, info() {} };
const uf2 = readFileSync(image);
for (let at = 0; at < uf2.length; at += 512) {
  const address = uf2.readUInt32LE(at + 12), size = uf2.readUInt32LE(at + 16);
  chip.flash.set(uf2.subarray(at + 32, at + 32 + size), address - FLASH);
}
// As the boot ROM and the second stage leave it: the table, the stack, the entry.
const core = chip.core;
core.VTOR = VECTORS;
core.SP = chip.readUint32(VECTORS);
core.PC = chip.readUint32(VECTORS + 4) & ~1;

const out = [], counts = [];
chip.uart[0].onByte = (byte) => out.push(byte);
let instructions = 0, inside = -1, back = 0;
const learn = Number(entry) & ~1;

function step() {
  const pc = core.PC;
  if (pc === learn && inside < 0) {
    inside = instructions;
    back = core.registers[14] & ~1;
  } else if (pc === back && inside >= 0) {
    counts.push(instructions - inside);
    inside = -1;
  }
  instructions++;
  // It would take the interrupt that WFI waits for, though PRIMASK is set: so it polls.
  if (chip.readUint16(pc) === WFI) {
    core.PC = pc + 2;
  } else {
    chip.step();
  }
}

const answers = [];
for (const line of readFileSync(requests, "ascii").trim().split("\n")) {
  const bytes = Buffer.from(line, "hex");
  const wanted = () => out.length >= 8 && out.length >= 12 + out[6] + 256 * out[7];
  out.length = 0;
  let sent = 0;
  for (let n = 0; !wanted(); n++) {
    if (n > LIMIT) {
      throw new Error(`no answer to ${line.slice(0, 24)}, ${out.length} bytes, pc ${core.PC}`);
    }
    if (sent < bytes.length && !chip.uart[0].rxFIFO.full && chip.uart[0].enabled) {
      chip.uart[0].feedByte(bytes[sent++]);
    }
    step();
  }
  answers.push(Buffer.from(out).toString("hex"));
}
// A pipe takes 64 KB at a time: end only when all of it is out.
process.stdout.write(JSON.stringify({ answers, counts }), () => process.exit(0));
