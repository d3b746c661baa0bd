"""Figures and summaries of the tables of runs and laws."""

from .figures import draw_figure, figure_name, save_figure, write_figures
from .summary import print_summary

__all__ = ["draw_figure", "figure_name", "print_summary", "save_figure", "write_figures"]
