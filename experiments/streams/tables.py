"""The tables of the bench, from its record: pure, so that a test can compare."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from statistics import mean

from experiments.streams.analysis import (
    ALONG,
    AT_THE_END,
    Line,
    Results,
    interval,
    kept,
    recalled,
)
from experiments.streams.contenders import contenders
from experiments.streams.records import unpack
from experiments.streams.rules import WINDOW_FAMILY
from experiments.streams.sources import SOURCES
from experiments.tables import NOTHING, Record, markdown

KINDS = ("ordinary", "drifting", "blocks")
#: By title of the column: the disturbances whose worst it shows.
DISTURBANCES = {
    "one feature": ("one",),
    "all features": ("all",),
    "first row, one feature": ("one, first row",),
    "first row, all features": ("all, first row",),
    "unit × 1000": ("unit ×1000",),
    "unit ÷ 1000": ("unit ÷1000",),
}
GAS = "gas, one sample ×1e6"


def tables(record: Record) -> Mapping[str, str]:
    """Return all tables by name."""
    results = Results(unpack(record["runs"]))
    return {
        "table": accuracy_table(results),
        "summary": summary_table(results),
        "gaps": gaps_table(results),
        "memory": memory_table(results),
        "disturbances": disturbances_table(results),
        "settings": settings_table(results),
        "streams": streams_table(),
    }


def accuracy_table(results: Results) -> str:
    """Return the accuracy on every stream where it counts along the way."""
    lines = results.lines()
    rows = [
        [stream, *(interval(results.values(line.name, stream)) for line in lines)]
        for stream in results.streams
    ]
    return markdown(["accuracy, %", *(line.title for line in lines)], rows)


def summary_table(results: Results) -> str:
    """Return means over the streams, ranks, bytes and time of each learner."""
    head = [
        "learner",
        "setting",
        "all",
        *KINDS,
        "κ",
        "κ_M",
        "κ_T",
        "balanced",
        "mean rank",
        "seeds",
        "bytes, gas",
        "counted as",
        "µs per sample, gas",
    ]
    ranks = results.ranks()
    rows = []
    for line in results.lines():
        where = [[s for s in results.streams if SOURCES[s].kind == kind] for kind in KINDS]
        measures = ("kappa", "kappa_m", "kappa_t", "balanced")
        cells = [results.over(line.name, some) for some in (results.streams, *where)]
        cells += [results.over(line.name, results.streams, what) for what in measures]
        rank = ranks.get(line.title)
        most = max(len(results.of(line.name, s)) for s in results.streams)
        rows.append(
            [
                line.title,
                line.setting,
                *(NOTHING if value is None else f"{value:.2f}" for value in cells),
                NOTHING if rank is None else f"{rank:.1f}",
                str(most),
                *_cost(results, line),
            ]
        )
    note = (
        f"Means over {len(results.streams)} streams of the means over seeds; a learner that did "
        "not run on all of them has none. Rank 1 is the best; two mean ranks that differ by less "
        f"than {results.critical_difference(len(ranks)):.1f} differ by chance (Nemenyi, 95 %)."
        if len(ranks) > 1
        else "Means over streams of the means over seeds."
    )
    return f"{markdown(head, rows)}\n{textwrap.fill(note, 100)}\n"


def _cost(results: Results, line: Line) -> list[str]:
    found = list(results.of(line.name, "gas").values())
    if not found:
        return [NOTHING, line.contender.bytes_of, NOTHING]
    state = mean(row["state_bytes"] for row in found)
    microseconds = min(1e6 * row["learn_s"] / row["rows"] for row in found)
    return [f"{state:,.0f}", line.contender.bytes_of, f"{microseconds:,.1f}"]


def gaps_table(results: Results) -> str:
    """Return what MESU gains or loses on each stream, seed by seed."""
    sgd = results.best("sgd", results.streams, "accuracy")
    against = {
        "− fixed step": "mesu-fixed",
        "− SGD": "" if sgd is None else sgd.name,
        "memory −": "mesu-lda",
        "replay −": "mesu-replay",
        "factored −": "mesu-factored",
        "binary rule −": "metaplastic",
    }
    head = ["stream", "MESU", "− best window", "window", *against]
    body, columns = [], []
    for stream in results.streams:
        window = results.best_window(stream)
        name, setting = window if window else ("", NOTHING)
        differences = [results.differences("mesu", name, stream)]
        for title, other in against.items():
            pair = (other, "mesu") if title.endswith("−") else ("mesu", other)
            differences.append(results.differences(*pair, stream))
        cells = [interval(found, 2, "+") for found in differences]
        own = interval(results.values("mesu", stream), 2)
        body.append([stream, own, cells[0], setting, *cells[1:]])
        columns.append([SOURCES[stream].kind, *(mean(d) if d else None for d in differences)])
    for title, kinds in (("mean of drifting", ("drifting",)), ("mean of all", KINDS)):
        some = [column for column in columns if column[0] in kinds]
        means = _over(some, mean)
        body.append([title, "", means[0], "", *means[1:]])
    worst = _over(columns, min)
    body.append(["worst", "", worst[0], "", *worst[1:]])
    return markdown(head, body)


def _over(rows: Sequence[Sequence[object]], how: object) -> list[str]:
    assert callable(how)
    cells = []
    for column in list(zip(*rows, strict=True))[1:] if rows else []:
        there = [value for value in column if value is not None]
        cells.append(f"{how(there):+.2f}" if there else NOTHING)
    return cells or [NOTHING] * 7


def memory_table(results: Results) -> str:
    """Return what is known at the end: the mean over all regimes, on rows never learned."""
    there = [s for s in AT_THE_END if results.lines([s])]
    head = ["at the end, %", "setting", *there, "gas-memory, first 3 batches"]
    rows = []
    for line in results.lines(there, _kept_or_zero):
        rows.append([line.title, line.setting, *_at_the_end(results, line.name, there, "kept")])
        if any(results.values(line.name, s, "recalled") for s in there):
            cells = _at_the_end(results, line.name, there, "recalled")
            rows.append([f"{line.title}, `recall`", line.setting, *cells])
    return markdown(head, rows)


def _kept_or_zero(row: Record) -> float:
    return kept(row) if "kept" in row else 0.0


def _at_the_end(results: Results, name: str, streams: Sequence[str], what: str) -> list[str]:
    cells = []
    for stream in streams:
        rows = [row for row in results.of(name, stream).values() if what in row]
        value = kept if what == "kept" else recalled
        cells.append(interval([value(row) for row in rows]))
    rows = [row for row in results.of(name, "gas-memory").values() if what in row]
    return [*cells, interval([mean(row[what][:3]) for row in rows])]


def disturbances_table(results: Results) -> str:
    """Return the worst of each kind of disturbance: rows until right again, and points lost."""
    head = ["rows lost (points)", "setting", *DISTURBANCES, "gas, one sample × 10⁶: points"]
    rows = []
    for line in results.lines():
        seeds = results.disturbed(line.name)
        if not seeds:
            continue
        cells = []
        for endings in DISTURBANCES.values():
            names = [n for n in seeds[0] if any(n == e or n.endswith(f", {e}") for e in endings)]
            worst = max(mean(seed[n][0] for seed in seeds) for n in names)
            points = max(mean(seed[n][1] for seed in seeds) for n in names)
            cells.append(f"{worst:,.0f} ({points:.1f})")
        gas = [seed[GAS][1] for seed in seeds]
        rows.append([line.title, line.setting, *cells, interval(gas, 2)])
    return markdown(head, rows)


def settings_table(results: Results) -> str:
    """Return every setting that was searched, with its mean over the streams all have."""
    head = ["learner", "setting", "mean of all streams, %", *KINDS, "at the end, %", "streams won"]
    rows = []
    for family in dict.fromkeys(one.family for one in contenders().values() if one.family):
        members = [one for one in contenders().values() if one.family == family]
        for one in members:
            cells = []
            for kinds in (KINDS, *((kind,) for kind in KINDS)):
                some = [s for s in ALONG if SOURCES[s].kind in kinds and s in results.streams]
                cells.append(results.over(one.name, some))
            ends = [s for s in AT_THE_END if all(results.of(m.name, s) for m in members)]
            cells.append(results.over(one.name, ends, kept))
            won = sum(
                results.best(family, [stream], "accuracy") == one for stream in results.streams
            )
            title = "MESU, fixed step" if family == WINDOW_FAMILY else one.title.split(", ")[0]
            numbers = [NOTHING if value is None else f"{value:.2f}" for value in cells]
            rows.append([title, one.setting, *numbers, str(won)])
    return markdown(head, rows)


def streams_table() -> str:
    """Return what the streams are."""
    head = ["stream", "what it is", "kind", "rows", "features", "classes"]
    rows = [
        [source.name, source.title, source.kind, *(f"{number:,}" for number in source.size)]
        for source in SOURCES.values()
    ]
    return markdown(head, rows)
