"""Multiple-choice tasks: items in files of several forms, items made from held-out text, and their ids."""
