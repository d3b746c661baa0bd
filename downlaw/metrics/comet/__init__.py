"""COMET (Rei et al. 2020, 2022; W20.wmt-1.101, 2022.wmt-1.52): learned scores of translations.

Where a model lies and whether it is whole (`cache`), how it gets there (`hub`), how it scores (`scorer`), and
all runs of a study in one process, each run once (`scoring`). Importing this loads neither torch nor comet.
"""

from .cache import CometError, LocalModel, find
from .scoring import Scoring, evaluated, score_study, write_scores

__all__ = ["CometError", "LocalModel", "Scoring", "evaluated", "find", "score_study", "write_scores"]
