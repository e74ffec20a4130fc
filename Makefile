# One command a job; `make help` lists them.
PYTHON ?= python
C_FILES = $(shell git ls-files '*.c' '*.h' 2>/dev/null || find . -name '*.[ch]')

.PHONY: help check format test prove prove-all docs demo lowest browser golden size speed tracked figures
help:            ## list the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 12

check:           ## lint, format, types, layers, C format: what CI runs
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	lint-imports
	clang-format --dry-run --Werror $(C_FILES)

format:          ## rewrite Python and C in the house's format
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .
	clang-format -i $(C_FILES)

test:            ## all tests but the slow ones
	$(PYTHON) -m pytest -n auto --dist loadfile

prove:           ## Frama-C, cppcheck and MISRA over the default rule; skips what is missing
	$(PYTHON) -m pytest -n 0 -m "slow or not slow" -rs tests/proof -k "not BiMU and not canary"

prove-all:       ## the same over every rule, and that the proofs can fail
	$(PYTHON) -m pytest -n 0 -m "slow or not slow" -rs tests/proof tests/emulator/test_cppcheck.py

lowest:          ## some tests with the lowest version of everything that pyproject.toml allows
	$(PYTHON) tests/lowest.py

browser:         ## a folder whose page learns the gas stream in a browser; needs npm
	$(PYTHON) docs/onnx/folder.py browser

docs:            ## the site, into site/: strict, so that a dead link or an unknown name fails
	NO_MKDOCS_2_WARNING=1 $(PYTHON) -m mkdocs build

demo:            ## the main job, on the bundled stream
	streamlearn demo

golden:          ## regenerate the golden results and show what moved
	$(PYTHON) tests/golden/regenerate.py

size:            ## flash and RAM of the demo's learner on every board
	$(PYTHON) -m experiments size

speed:           ## samples/s of every engine beside PyTorch, and what a sample costs
	$(PYTHON) -m experiments speed

tracked:         ## what moved in sizes and instruction counts; fails if their file is not up to date
	$(PYTHON) -m experiments tracked --check --quiet

figures:         ## write recorded results into README.md and docs/
	$(PYTHON) -m experiments figures
