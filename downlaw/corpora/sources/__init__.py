"""Where raw text comes from, one module a source, all with the same face.

* `artifacts(corpus, key, part) -> list[Artifact]`: what has to be fetched for a part of the corpus;
* `fetch(artifact, destination) -> bool`: fetch one, whole or not at all, and check it against its pin;
* `documents(name, corpus, languages, folder) -> Iterator[(Source, record)]`: the text, read from the folder
  of fetched artifacts, and what the manifest says of it (name, version, hashes, licence), or a
  function that gives it once the text is read;
* `identity(corpus, part)`: what of the study file decides that text, as JSON.

`registry` knows them all.
"""
