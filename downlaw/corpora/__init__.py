"""Text: where it comes from, cleaning, splitting, decontamination, mixing and cutting into pieces."""
