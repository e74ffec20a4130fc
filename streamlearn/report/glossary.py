"""The words of the page, for a reader who has not met them."""

from __future__ import annotations

GLOSSARY = (
    (
        "prequential",
        "Every sample is a test first and a lesson afterwards. No sample is learned before it "
        "was predicted, so no part of the stream has to be kept back for testing.",
    ),
    ("accuracy", "The share of samples whose class was predicted right."),
    (
        "golden model",
        "The plain integer implementation in Python that defines the right answer. Host C and "
        "the device have to give the same bits, not merely similar numbers.",
    ),
    (
        "float64, float32, q16",
        "The arithmetic. float64 and float32 are floating point with 64 and 32 bits; q16 uses "
        "integers only, with values of 16 bits.",
    ),
    ("host C", "The C code of the device, compiled for this computer."),
    (
        "the device",
        "The firmware for the board, run instruction by instruction in an emulator.",
    ),
    (
        "modelled",
        "Calculated from counted instructions and a data sheet, not measured on a board. Times "
        "and energies marked so are estimates.",
    ),
    ("bit for bit", "Every byte of the learned state is equal; the SHA-256 hashes show it."),
    ("SHA-256", "A fingerprint of data: if two are equal, the data are equal."),
    (
        "σ",
        "The uncertainty of a weight: the standard deviation of what it may be. It shrinks as "
        "evidence comes in, and a weight with small σ moves little.",
    ),
    (
        "saturation",
        "A value that met the end of its integer format and was held there. Each is counted.",
    ),
    (
        "batch",
        "Samples that were recorded together. Between batches the sensors have drifted.",
    ),
    ("no change", "The baseline that predicts the label of the sample before."),
    ("majority", "The baseline that predicts the most frequent label so far."),
)
