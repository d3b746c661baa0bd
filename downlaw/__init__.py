"""downlaw fits downstream scaling laws: how translation quality grows with pretraining data."""

__version__ = "0.1.0"
