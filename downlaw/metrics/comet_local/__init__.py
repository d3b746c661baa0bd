"""A small COMET that a study trains for itself: for machines without a hub, and never COMET itself."""
