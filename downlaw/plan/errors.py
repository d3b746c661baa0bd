"""What a plan cannot be made of."""

from __future__ import annotations


class PlanError(ValueError):
    """Input of a plan that is at fault; the message names the file, the key or the option, and what to do."""
