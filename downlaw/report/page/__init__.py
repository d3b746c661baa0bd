"""The study as one HTML page that needs no network: the answer first, then what it rests on."""

from .page import Written, write_page
from .tables import NotThere, Results, State, read_results

__all__ = ["NotThere", "Results", "State", "Written", "read_results", "write_page"]
