"""Comparisons of downlaw's fitter with public alternatives: `python -m benchmarks`. See README.md here."""
