"""Every learner there is: rules × heads × arithmetics × backends × variants, from the registry."""

from __future__ import annotations

from typing import Any, NamedTuple

from quant.rule import RULES
from streamlearn.checks import LAYERS
from streamlearn.learners.loading import learner_class, variants_of

#: Settings of every classifier, whatever its rule: variants beside the rule's own.
SHARED = {
    "memory": {"memory": "lda", "memory_features": 9},
    "replay": {"replay_bytes": 150, "replays": 2},
}


class Kind(NamedTuple):
    """What makes a learner another one."""

    rule: str
    head: str
    arithmetic: str
    backend: str
    variant: str

    def __str__(self) -> str:
        return "-".join(part for part in self if part)

    def make(self, **more: Any) -> Any:
        settings = {**variants_of(self.rule, self.head), **SHARED}.get(self.variant, {})
        given = {"arithmetic": self.arithmetic, "backend": self.backend, **settings, **more}
        return learner_class(self.rule, self.head)(LAYERS[self.head], **given)


def kinds() -> list[Kind]:
    """Return every rule, head, arithmetic and backend; and each variant in its rule's first one.

    That is the C of fixed point; the equalities tie every variant's other engines to it.
    """
    found = []
    for name, rule in RULES.items():
        for head in rule.heads:
            for arithmetic, kind in rule.arithmetics.items():
                backends = ["c"] if kind.kernel is not None else []
                if kind.golden is not None or kind.numbers == "float64":
                    backends.append("numpy")
                variants = variants_of(name, head)
                shared = SHARED if head == "categorical" else ()
                first = (next(iter(rule.arithmetics)), "c")
                for backend in backends:
                    more = (*variants, *shared) if (arithmetic, backend) == first else ()
                    for variant in ("", *more):
                        found.append(Kind(name, head, arithmetic, backend, variant))
    return found
