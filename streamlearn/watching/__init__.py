"""Who looks on at a run: how its figures went, a file of predictions, a log, what is now."""

from streamlearn.watching.log import RunLog
from streamlearn.watching.now import Now, Rate
from streamlearn.watching.numbers import NumbersFile
from streamlearn.watching.predictions import PredictionsFile
from streamlearn.watching.watch import Watch
from streamlearn.watching.watch_file import WatchFile

__all__ = ["Now", "NumbersFile", "PredictionsFile", "Rate", "RunLog", "Watch", "WatchFile"]
