"""How close a mixture is to a task, measured on text: languages, n-grams, losses and domains. See
docs/alignment.md."""
