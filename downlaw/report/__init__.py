"""Figures and summaries of the tables of runs and laws."""
