"""The words of the page, for a reader who has not met them."""

from __future__ import annotations

#: Term, the words on the page that call for it, and what it means.
GLOSSARY = (
    (
        "prequential",
        ("prequential", "accuracy"),
        "Each sample is predicted first and learned afterwards (test, then train). Every sample "
        "is a test sample, so no part of the stream has to be kept back.",
    ),
    ("accuracy", ("accuracy",), "The share of samples whose class was predicted right."),
    (
        "balanced accuracy",
        ("balanced accuracy",),
        "The mean of the recalls: every class counts the same, however rare it is.",
    ),
    (
        "recall, precision",
        ("recall", "Recall"),
        "Recall: of the samples of a class, the share that was found. Precision: of the samples "
        "for which it was predicted, the share that was right.",
    ),
    (
        "κ, κ_M, κ_T",
        ("κ",),
        "How much of the way from a trivial guess to perfection the accuracy goes: from chance "
        "(κ), from the majority (κ_M), from no change (κ_T). 1 is perfect, 0 is no better than "
        "the guess, below 0 is worse.",
    ),
    (
        "ADWIN",
        ("ADWIN",),
        "A window over the latest results that grows while their mean stays and is cut where it "
        "changes: there the stream, or the learner, changed.",
    ),
    (
        "novelty",
        ("novelty", "Novelty"),
        "How unlike anything learned a sample is, from 0 to 1, whatever its label. It has no scale "
        "of its own: compare it with what the stream usually gives.",
    ),
    (
        "entropy, in bits",
        ("entropy", "Entropy"),
        "How unsure a prediction is: 0 bits if one class is certain, 1 bit if two are equally "
        "likely. The epistemic part is what the learner has not learned yet; the rest is in the "
        "data.",
    ),
    (
        "blind feature",
        ("blind", "Blind"),
        "A feature of which the network sees nothing: its value is held because it is too far from "
        "its recent past, or it does not move any more. Look at that sensor.",
    ),
    (
        "step multiplier",
        ("step multiplier",),
        "By what the learning rate is multiplied. It rises where the stream drifts.",
    ),
    (
        "SGD",
        ("SGD",),
        "The baseline with a network of the same shape, trained by plain stochastic gradient "
        "descent in float64.",
    ),
    (
        "nearest neighbour",
        ("nearest",),
        "The baseline that stores samples and repeats the label of the most similar one. It stores "
        "as many as fit into the bytes of the learner's state, a byte per value.",
    ),
    (
        "golden model",
        ("golden",),
        "The plain integer implementation in Python that defines the right answer. Host C and "
        "the device must give the same bits, not merely similar numbers.",
    ),
    (
        "float64, float32",
        ("float64", "float32"),
        "Arithmetic in floating point with 64 or 32 bits.",
    ),
    (
        "q16, q8",
        ("q16", "q8"),
        "Arithmetic in integers only, with weights of 16 or 8 bits.",
    ),
    ("host C", ("ost C", "q16 C"), "The C code of the device, compiled for this computer."),
    (
        "the device",
        ("device",),
        "The firmware for the board, run instruction by instruction in an emulator.",
    ),
    (
        "modelled",
        ("modelled",),
        "Calculated from counted instructions and a data sheet, not measured on a board. Times "
        "and energies with this mark are estimates.",
    ),
    (
        "bit for bit",
        ("bit for bit",),
        "Every byte of the learned state is equal; the SHA-256 hashes show it.",
    ),
    ("SHA-256", ("SHA-256",), "A fingerprint of data: if two are equal, the data are equal."),
    (
        "σ",
        ("σ",),
        "The uncertainty of a weight: the standard deviation of its distribution. It shrinks as "
        "evidence comes in, and a weight with small σ moves little.",
    ),
    (
        "hidden weight",
        ("hidden weight",),
        "The number behind a binary weight, which is its sign. The further it is from zero, the "
        "less often a step towards zero is taken.",
    ),
    (
        "saturation",
        ("Saturations",),
        "A value that reached the end of its integer format and was clamped there. Each is "
        "counted.",
    ),
    (
        "batch",
        ("batch",),
        "Samples that were recorded together. Between batches the sensors have drifted.",
    ),
    ("no change", ("no change",), "The baseline that predicts the label of the sample before."),
    ("majority", ("majority",), "The baseline that predicts the most frequent label so far."),
)
